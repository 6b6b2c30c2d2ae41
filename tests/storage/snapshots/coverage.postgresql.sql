CREATE TABLE coverage (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    policy_holder_key BIGINT,
    policy_holder_type TEXT COLLATE "C",
    subscriber_key BIGINT,
    subscriber_type TEXT COLLATE "C",
    subscriber_number TEXT COLLATE "C",
    beneficiary_key BIGINT,
    dependent TEXT COLLATE "C",
    dependent_folded TEXT COLLATE "C",
    relationship_system TEXT COLLATE "C",
    relationship_code TEXT COLLATE "C",
    relationship_text TEXT COLLATE "C",
    period_start TIMESTAMP WITH TIME ZONE,
    period_end TIMESTAMP WITH TIME ZONE,
    coverage_order BIGINT,
    network TEXT COLLATE "C",
    subrogation BOOLEAN,
    PRIMARY KEY (key)
);

CREATE INDEX ix_coverage_status_period_start_key ON coverage (status, period_start, key);

CREATE INDEX ix_coverage_policy_holder_key_period_start_key ON coverage (policy_holder_key, period_start, key) WHERE policy_holder_key IS NOT NULL;

CREATE INDEX ix_coverage_subscriber_key_period_start_key ON coverage (subscriber_key, period_start, key) WHERE subscriber_key IS NOT NULL;

CREATE INDEX ix_coverage_beneficiary_key_period_start_key ON coverage (beneficiary_key, period_start, key);

CREATE INDEX ix_coverage_dependent_folded_key ON coverage (substr(dependent_folded, 1, 200), key) WHERE dependent_folded IS NOT NULL;

CREATE TABLE coverage_identifier (
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

CREATE INDEX ix_coverage_identifier_value_system_key ON coverage_identifier (value, system, key);

CREATE TABLE coverage_type (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_coverage_type_code_main_date_key_system ON coverage_type (code, main_date, key, system);

CREATE TABLE coverage_payor (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_coverage_payor_target_key_main_date_key ON coverage_payor (target_key, main_date, key);

CREATE TABLE coverage_class (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    value TEXT COLLATE "C",
    value_folded TEXT COLLATE "C",
    name TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_coverage_class_value_folded_key ON coverage_class (substr(value_folded, 1, 200), key);

CREATE TABLE coverage_class_type (
    key BIGINT NOT NULL,
    class_ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, class_ordinal, coding)
);

CREATE INDEX ix_coverage_class_type_code_main_date_key_system ON coverage_class_type (code, main_date, key, system);

CREATE TABLE coverage_cost_to_beneficiary (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    type_system TEXT COLLATE "C",
    type_code TEXT COLLATE "C",
    type_text TEXT COLLATE "C",
    value_quantity NUMERIC,
    value_quantity_comparator TEXT COLLATE "C",
    value_quantity_unit TEXT COLLATE "C",
    value_quantity_system TEXT COLLATE "C",
    value_quantity_code TEXT COLLATE "C",
    value_money NUMERIC,
    value_money_currency TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE coverage_contract (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE VIEW v_coverage AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    r1.id AS policy_holder_id,
    t.policy_holder_type,
    r3.id AS subscriber_id,
    t.subscriber_type,
    t.subscriber_number,
    r6.id AS beneficiary_id,
    t.dependent,
    t.relationship_system,
    t.relationship_code,
    t.relationship_text,
    NULLIF(t.period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS period_start,
    NULLIF(t.period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS period_end,
    t.coverage_order,
    t.network,
    t.subrogation,
    c0.system AS type_system,
    c0.code AS type_code,
    c0.display AS type_display
FROM coverage t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.policy_holder_key
LEFT JOIN resource r3 ON r3.key = t.subscriber_key
LEFT JOIN resource r6 ON r6.key = t.beneficiary_key
LEFT JOIN coverage_type c0 ON c0.key = t.key AND c0.coding = 0;

CREATE VIEW v_coverage_payor AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM coverage_payor t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_coverage_class AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.value,
    t.name,
    c0.system AS type_system,
    c0.code AS type_code,
    c0.display AS type_display
FROM coverage_class t
JOIN resource r ON r.key = t.key
LEFT JOIN coverage_class_type c0 ON c0.key = t.key AND c0.class_ordinal = t.ordinal AND c0.coding = 0;

CREATE VIEW v_coverage_cost_to_beneficiary AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.type_system,
    t.type_code,
    t.type_text,
    t.value_quantity,
    t.value_quantity_comparator,
    t.value_quantity_unit,
    t.value_quantity_system,
    t.value_quantity_code,
    t.value_money,
    t.value_money_currency
FROM coverage_cost_to_beneficiary t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_coverage_contract AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id
FROM coverage_contract t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;
