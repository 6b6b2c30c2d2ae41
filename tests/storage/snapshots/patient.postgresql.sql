CREATE TABLE patient (
    key BIGINT NOT NULL,
    active BOOLEAN,
    gender TEXT COLLATE "C",
    birth_date TIMESTAMP WITH TIME ZONE,
    birth_date_until TIMESTAMP WITH TIME ZONE,
    deceased_boolean BOOLEAN,
    deceased TIMESTAMP WITH TIME ZONE,
    deceased_until TIMESTAMP WITH TIME ZONE,
    marital_status_system TEXT COLLATE "C",
    marital_status_code TEXT COLLATE "C",
    marital_status_text TEXT COLLATE "C",
    multiple_birth_boolean BOOLEAN,
    multiple_birth_integer BIGINT,
    managing_organization_key BIGINT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_patient_active_key ON patient (active, key) WHERE active IS NOT NULL;

CREATE INDEX ix_patient_gender_key ON patient (gender, key) WHERE gender IS NOT NULL;

CREATE INDEX ix_patient_birth_date_key ON patient (birth_date, key) WHERE birth_date IS NOT NULL;

CREATE INDEX ix_patient_deceased_key ON patient (deceased, key) WHERE deceased IS NOT NULL;

CREATE INDEX ix_patient_managing_organization_key_key ON patient (managing_organization_key, key) WHERE managing_organization_key IS NOT NULL;

CREATE TABLE patient_identifier (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    value TEXT COLLATE "C",
    use TEXT COLLATE "C",
    type_system TEXT COLLATE "C",
    type_code TEXT COLLATE "C",
    type_text TEXT COLLATE "C",
    type_text_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_patient_identifier_value_system_key ON patient_identifier (value, system, key);

CREATE TABLE patient_name (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    use TEXT COLLATE "C",
    text TEXT COLLATE "C",
    family TEXT COLLATE "C",
    given TEXT COLLATE "C",
    prefix TEXT COLLATE "C",
    suffix TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE patient_name_part (
    key BIGINT NOT NULL,
    name_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT COLLATE "C",
    value TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    PRIMARY KEY (key, name_ordinal, position)
);

CREATE INDEX ix_patient_name_part_folded_part_key ON patient_name_part (substr(folded, 1, 200), part, key);

CREATE TABLE patient_telecom (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT COLLATE "C",
    value TEXT COLLATE "C",
    value_folded TEXT COLLATE "C",
    use TEXT COLLATE "C",
    rank BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_patient_telecom_value_system_key ON patient_telecom (value, system, key);

CREATE INDEX ix_patient_telecom_value_folded_system_key ON patient_telecom (value_folded, system, key);

CREATE TABLE patient_address (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    use TEXT COLLATE "C",
    text TEXT COLLATE "C",
    line TEXT COLLATE "C",
    city TEXT COLLATE "C",
    district TEXT COLLATE "C",
    state TEXT COLLATE "C",
    postal_code TEXT COLLATE "C",
    country TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_patient_address_use_key ON patient_address (use, key);

CREATE TABLE patient_address_part (
    key BIGINT NOT NULL,
    address_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT COLLATE "C",
    value TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    PRIMARY KEY (key, address_ordinal, position)
);

CREATE INDEX ix_patient_address_part_folded_part_key ON patient_address_part (substr(folded, 1, 200), part, key);

CREATE TABLE patient_contact (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    name_use TEXT COLLATE "C",
    name_text TEXT COLLATE "C",
    name_family TEXT COLLATE "C",
    name_given TEXT COLLATE "C",
    name_prefix TEXT COLLATE "C",
    name_suffix TEXT COLLATE "C",
    address_use TEXT COLLATE "C",
    address_text TEXT COLLATE "C",
    address_line TEXT COLLATE "C",
    address_city TEXT COLLATE "C",
    address_district TEXT COLLATE "C",
    address_state TEXT COLLATE "C",
    address_postal_code TEXT COLLATE "C",
    address_country TEXT COLLATE "C",
    gender TEXT COLLATE "C",
    organization_key BIGINT,
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE patient_contact_relationship (
    key BIGINT NOT NULL,
    contact_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, contact_ordinal, ordinal, coding)
);

CREATE TABLE patient_contact_telecom (
    key BIGINT NOT NULL,
    contact_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT COLLATE "C",
    value TEXT COLLATE "C",
    value_folded TEXT COLLATE "C",
    use TEXT COLLATE "C",
    rank BIGINT,
    PRIMARY KEY (key, contact_ordinal, ordinal)
);

CREATE INDEX ix_patient_contact_telecom_value_system_key ON patient_contact_telecom (value, system, key);

CREATE INDEX ix_patient_contact_telecom_value_folded_system_key ON patient_contact_telecom (value_folded, system, key);

CREATE TABLE patient_communication (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    preferred BOOLEAN,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE patient_communication_language (
    key BIGINT NOT NULL,
    communication_ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    PRIMARY KEY (key, communication_ordinal, coding)
);

CREATE INDEX ix_patient_communication_language_code_key_system ON patient_communication_language (code, key, system);

CREATE TABLE patient_general_practitioner (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_patient_general_practitioner_target_key_key ON patient_general_practitioner (target_key, key);

CREATE TABLE patient_link (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    other_key BIGINT,
    other_type TEXT COLLATE "C",
    type TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_patient_link_other_key_key ON patient_link (other_key, key);

CREATE TABLE patient_mothers_maiden_name (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    value_string TEXT COLLATE "C",
    value_string_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_patient_mothers_maiden_name_value_string_folded_key ON patient_mothers_maiden_name (substr(value_string_folded, 1, 200), key) WHERE value_string_folded IS NOT NULL;

CREATE TABLE patient_is_deceased (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
