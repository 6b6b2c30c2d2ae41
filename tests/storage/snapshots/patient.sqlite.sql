CREATE TABLE patient (
    key INTEGER NOT NULL,
    active BOOLEAN,
    gender TEXT,
    birth_date TEXT,
    birth_date_until TEXT,
    deceased_boolean BOOLEAN,
    deceased TEXT,
    deceased_until TEXT,
    marital_status_system TEXT,
    marital_status_code TEXT,
    marital_status_text TEXT,
    multiple_birth_boolean BOOLEAN,
    multiple_birth_integer BIGINT,
    managing_organization_key INTEGER,
    PRIMARY KEY (key)
);

CREATE INDEX ix_patient_active_key ON patient (active, key) WHERE active IS NOT NULL;

CREATE INDEX ix_patient_gender_key ON patient (gender, key) WHERE gender IS NOT NULL;

CREATE INDEX ix_patient_birth_date_key ON patient (birth_date, key) WHERE birth_date IS NOT NULL;

CREATE INDEX ix_patient_deceased_key ON patient (deceased, key) WHERE deceased IS NOT NULL;

CREATE INDEX ix_patient_managing_organization_key_key ON patient (managing_organization_key, key) WHERE managing_organization_key IS NOT NULL;

CREATE TABLE patient_identifier (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    value TEXT,
    use TEXT,
    type_system TEXT,
    type_code TEXT,
    type_text TEXT,
    type_text_folded TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_patient_identifier_value_system_key ON patient_identifier (value, system, key);

CREATE TABLE patient_name (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    use TEXT,
    text TEXT,
    family TEXT,
    given TEXT,
    prefix TEXT,
    suffix TEXT,
    period_start TEXT,
    period_end TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE patient_name_part (
    key INTEGER NOT NULL,
    name_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT,
    value TEXT,
    folded TEXT,
    PRIMARY KEY (key, name_ordinal, position)
) WITHOUT ROWID;

CREATE INDEX ix_patient_name_part_folded_part_key ON patient_name_part (substr(folded, 1, 200), part, key);

CREATE TABLE patient_telecom (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT,
    value TEXT,
    value_folded TEXT,
    use TEXT,
    rank BIGINT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_telecom_value_system_key ON patient_telecom (value, system, key);

CREATE INDEX ix_patient_telecom_value_folded_system_key ON patient_telecom (value_folded, system, key);

CREATE TABLE patient_address (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    use TEXT,
    text TEXT,
    line TEXT,
    city TEXT,
    district TEXT,
    state TEXT,
    postal_code TEXT,
    country TEXT,
    period_start TEXT,
    period_end TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_address_use_key ON patient_address (use, key);

CREATE TABLE patient_address_part (
    key INTEGER NOT NULL,
    address_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT,
    value TEXT,
    folded TEXT,
    PRIMARY KEY (key, address_ordinal, position)
) WITHOUT ROWID;

CREATE INDEX ix_patient_address_part_folded_part_key ON patient_address_part (substr(folded, 1, 200), part, key);

CREATE TABLE patient_contact (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    name_use TEXT,
    name_text TEXT,
    name_family TEXT,
    name_given TEXT,
    name_prefix TEXT,
    name_suffix TEXT,
    address_use TEXT,
    address_text TEXT,
    address_line TEXT,
    address_city TEXT,
    address_district TEXT,
    address_state TEXT,
    address_postal_code TEXT,
    address_country TEXT,
    gender TEXT,
    organization_key INTEGER,
    period_start TEXT,
    period_end TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE patient_contact_relationship (
    key INTEGER NOT NULL,
    contact_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    PRIMARY KEY (key, contact_ordinal, ordinal, coding)
) WITHOUT ROWID;

CREATE TABLE patient_contact_telecom (
    key INTEGER NOT NULL,
    contact_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT,
    value TEXT,
    value_folded TEXT,
    use TEXT,
    rank BIGINT,
    PRIMARY KEY (key, contact_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_contact_telecom_value_system_key ON patient_contact_telecom (value, system, key);

CREATE INDEX ix_patient_contact_telecom_value_folded_system_key ON patient_contact_telecom (value_folded, system, key);

CREATE TABLE patient_communication (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    preferred BOOLEAN,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE patient_communication_language (
    key INTEGER NOT NULL,
    communication_ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    PRIMARY KEY (key, communication_ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_patient_communication_language_code_key_system ON patient_communication_language (code, key, system);

CREATE TABLE patient_general_practitioner (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_general_practitioner_target_key_key ON patient_general_practitioner (target_key, key);

CREATE TABLE patient_link (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    other_key INTEGER,
    other_type TEXT,
    type TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_link_other_key_key ON patient_link (other_key, key);

CREATE TABLE patient_mothers_maiden_name (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    value_string TEXT,
    value_string_folded TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_patient_mothers_maiden_name_value_string_folded_key ON patient_mothers_maiden_name (substr(value_string_folded, 1, 200), key) WHERE value_string_folded IS NOT NULL;

CREATE TABLE patient_is_deceased (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_patient_is_deceased_code_key_system ON patient_is_deceased (code, key, system);

CREATE VIEW v_patient AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.active,
    t.gender,
    t.birth_date,
    t.deceased_boolean,
    t.deceased,
    t.marital_status_system,
    t.marital_status_code,
    t.marital_status_text,
    t.multiple_birth_boolean,
    t.multiple_birth_integer,
    r12.id AS managing_organization_id
FROM patient t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r12 ON r12.key = t.managing_organization_key;

CREATE VIEW v_patient_name AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.use,
    t.text,
    t.family,
    t.given,
    t.prefix,
    t.suffix,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM patient_name t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_patient_telecom AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.system,
    t.value,
    t.use,
    t.rank
FROM patient_telecom t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_patient_address AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.use,
    t.text,
    t.line,
    t.city,
    t.district,
    t.state,
    t.postal_code,
    t.country,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM patient_address t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_patient_contact AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.name_use,
    t.name_text,
    t.name_family,
    t.name_given,
    t.name_prefix,
    t.name_suffix,
    t.address_use,
    t.address_text,
    t.address_line,
    t.address_city,
    t.address_district,
    t.address_state,
    t.address_postal_code,
    t.address_country,
    t.gender,
    r16.id AS organization_id,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end
FROM patient_contact t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r16 ON r16.key = t.organization_key;

CREATE VIEW v_patient_contact_telecom AS
SELECT
    t.key,
    r.id,
    t.contact_ordinal,
    t.ordinal,
    t.system,
    t.value,
    t.use,
    t.rank
FROM patient_contact_telecom t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_patient_communication AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.preferred,
    c0.system AS language_system,
    c0.code AS language_code,
    c0.display AS language_display
FROM patient_communication t
JOIN resource r ON r.key = t.key
LEFT JOIN patient_communication_language c0 ON c0.key = t.key AND c0.communication_ordinal = t.ordinal AND c0.coding = 0;

CREATE VIEW v_patient_general_practitioner AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM patient_general_practitioner t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_patient_link AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS other_id,
    t.other_type,
    t.type
FROM patient_link t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.other_key;

CREATE VIEW v_patient_mothers_maiden_name AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.value_string
FROM patient_mothers_maiden_name t
JOIN resource r ON r.key = t.key;
