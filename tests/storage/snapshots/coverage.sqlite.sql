CREATE TABLE coverage (
    key INTEGER NOT NULL,
    status TEXT,
    policy_holder_key INTEGER,
    policy_holder_type TEXT,
    subscriber_key INTEGER,
    subscriber_type TEXT,
    subscriber_number TEXT,
    beneficiary_key INTEGER,
    dependent TEXT,
    dependent_folded TEXT,
    relationship_system TEXT,
    relationship_code TEXT,
    relationship_text TEXT,
    period_start TEXT,
    period_end TEXT,
    coverage_order BIGINT,
    network TEXT,
    subrogation BOOLEAN,
    PRIMARY KEY (key)
);

CREATE INDEX ix_coverage_status_period_start_key ON coverage (status, period_start, key);

CREATE INDEX ix_coverage_policy_holder_key_period_start_key ON coverage (policy_holder_key, period_start, key) WHERE policy_holder_key IS NOT NULL;

CREATE INDEX ix_coverage_subscriber_key_period_start_key ON coverage (subscriber_key, period_start, key) WHERE subscriber_key IS NOT NULL;

CREATE INDEX ix_coverage_beneficiary_key_period_start_key ON coverage (beneficiary_key, period_start, key);

CREATE INDEX ix_coverage_dependent_folded_key ON coverage (substr(dependent_folded, 1, 200), key) WHERE dependent_folded IS NOT NULL;

CREATE TABLE coverage_identifier (
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

CREATE INDEX ix_coverage_identifier_value_system_key ON coverage_identifier (value, system, key);

CREATE TABLE coverage_type (
    key INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, coding)
) WITHOUT ROWID;

CREATE INDEX ix_coverage_type_code_main_date_key_system ON coverage_type (code, main_date, key, system);

CREATE TABLE coverage_payor (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    target_type TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_coverage_payor_target_key_main_date_key ON coverage_payor (target_key, main_date, key);

CREATE TABLE coverage_class (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    value TEXT,
    value_folded TEXT,
    name TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_coverage_class_value_folded_key ON coverage_class (substr(value_folded, 1, 200), key);

CREATE TABLE coverage_class_type (
    key INTEGER NOT NULL,
    class_ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, class_ordinal, coding)
) WITHOUT ROWID;

CREATE INDEX ix_coverage_class_type_code_main_date_key_system ON coverage_class_type (code, main_date, key, system);

CREATE TABLE coverage_cost_to_beneficiary (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    type_system TEXT,
    type_code TEXT,
    type_text TEXT,
    value_quantity DOUBLE,
    value_quantity_comparator TEXT,
    value_quantity_unit TEXT,
    value_quantity_system TEXT,
    value_quantity_code TEXT,
    value_money DOUBLE,
    value_money_currency TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE coverage_contract (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

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
    NULLIF(t.period_start, '0001-01-02 00:00:00.000000') AS period_start,
    NULLIF(t.period_end, '9999-12-31 00:00:00.000000') AS period_end,
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
