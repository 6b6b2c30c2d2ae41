CREATE TABLE practitioner (
    key INTEGER NOT NULL,
    active BOOLEAN,
    gender TEXT,
    birth_date TEXT,
    birth_date_until TEXT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_practitioner_active_key ON practitioner (active, key) WHERE active IS NOT NULL;

CREATE INDEX ix_practitioner_gender_key ON practitioner (gender, key) WHERE gender IS NOT NULL;

CREATE TABLE practitioner_identifier (
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

CREATE INDEX ix_practitioner_identifier_value_system_key ON practitioner_identifier (value, system, key);

CREATE TABLE practitioner_name (
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

CREATE TABLE practitioner_name_part (
    key INTEGER NOT NULL,
    name_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT,
    value TEXT,
    folded TEXT,
    PRIMARY KEY (key, name_ordinal, position)
) WITHOUT ROWID;

CREATE INDEX ix_practitioner_name_part_folded_part_key ON practitioner_name_part (substr(folded, 1, 200), part, key);

CREATE TABLE practitioner_telecom (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT,
    value TEXT,
    value_folded TEXT,
    use TEXT,
    rank BIGINT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_practitioner_telecom_value_system_key ON practitioner_telecom (value, system, key);

CREATE INDEX ix_practitioner_telecom_value_folded_system_key ON practitioner_telecom (value_folded, system, key);

CREATE TABLE practitioner_address (
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

CREATE INDEX ix_practitioner_address_use_key ON practitioner_address (use, key);

CREATE TABLE practitioner_address_part (
    key INTEGER NOT NULL,
    address_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT,
    value TEXT,
    folded TEXT,
    PRIMARY KEY (key, address_ordinal, position)
) WITHOUT ROWID;

CREATE INDEX ix_practitioner_address_part_folded_part_key ON practitioner_address_part (substr(folded, 1, 200), part, key);

CREATE TABLE practitioner_qualification (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    code_system TEXT,
    code_code TEXT,
    code_text TEXT,
    period_start TEXT,
    period_end TEXT,
    issuer_key INTEGER,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE practitioner_communication (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    PRIMARY KEY (key, ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_practitioner_communication_code_key_system ON practitioner_communication (code, key, system);

CREATE VIEW v_practitioner AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.active,
    t.gender,
    t.birth_date
FROM practitioner t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_practitioner_name AS
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
FROM practitioner_name t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_practitioner_telecom AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.system,
    t.value,
    t.use,
    t.rank
FROM practitioner_telecom t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_practitioner_address AS
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
FROM practitioner_address t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_practitioner_qualification AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.code_system,
    t.code_code,
    t.code_text,
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end,
    r6.id AS issuer_id
FROM practitioner_qualification t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r6 ON r6.key = t.issuer_key;
