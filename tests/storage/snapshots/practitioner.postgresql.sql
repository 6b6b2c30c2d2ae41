CREATE TABLE practitioner (
    key BIGINT NOT NULL,
    active BOOLEAN,
    gender TEXT COLLATE "C",
    birth_date TIMESTAMP WITH TIME ZONE,
    birth_date_until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key)
);

CREATE INDEX ix_practitioner_active_key ON practitioner (active, key) WHERE active IS NOT NULL;

CREATE INDEX ix_practitioner_gender_key ON practitioner (gender, key) WHERE gender IS NOT NULL;

CREATE TABLE practitioner_identifier (
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

CREATE INDEX ix_practitioner_identifier_value_system_key ON practitioner_identifier (value, system, key);

CREATE TABLE practitioner_name (
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

CREATE TABLE practitioner_name_part (
    key BIGINT NOT NULL,
    name_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT COLLATE "C",
    value TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    PRIMARY KEY (key, name_ordinal, position)
);

CREATE INDEX ix_practitioner_name_part_folded_part_key ON practitioner_name_part (substr(folded, 1, 200), part, key);

CREATE TABLE practitioner_telecom (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    system TEXT COLLATE "C",
    value TEXT COLLATE "C",
    value_folded TEXT COLLATE "C",
    use TEXT COLLATE "C",
    rank BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_practitioner_telecom_value_system_key ON practitioner_telecom (value, system, key);

CREATE INDEX ix_practitioner_telecom_value_folded_system_key ON practitioner_telecom (value_folded, system, key);

CREATE TABLE practitioner_address (
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

CREATE INDEX ix_practitioner_address_use_key ON practitioner_address (use, key);

CREATE TABLE practitioner_address_part (
    key BIGINT NOT NULL,
    address_ordinal INTEGER NOT NULL,
    position INTEGER NOT NULL,
    part TEXT COLLATE "C",
    value TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    PRIMARY KEY (key, address_ordinal, position)
);

CREATE INDEX ix_practitioner_address_part_folded_part_key ON practitioner_address_part (substr(folded, 1, 200), part, key);

CREATE TABLE practitioner_qualification (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    code_system TEXT COLLATE "C",
    code_code TEXT COLLATE "C",
    code_text TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    issuer_key BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE practitioner_communication (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end
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
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end,
    r6.id AS issuer_id
FROM practitioner_qualification t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r6 ON r6.key = t.issuer_key;
