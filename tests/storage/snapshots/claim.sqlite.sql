CREATE TABLE claim (
    key INTEGER NOT NULL,
    status TEXT,
    type_system TEXT,
    type_code TEXT,
    type_text TEXT,
    sub_type_system TEXT,
    sub_type_code TEXT,
    sub_type_text TEXT,
    use TEXT,
    patient_key INTEGER,
    billable_period_start TEXT,
    billable_period_end TEXT,
    created TEXT,
    created_until TEXT,
    enterer_key INTEGER,
    enterer_type TEXT,
    insurer_key INTEGER,
    provider_key INTEGER,
    provider_type TEXT,
    funds_reserve_system TEXT,
    funds_reserve_code TEXT,
    funds_reserve_text TEXT,
    prescription_key INTEGER,
    prescription_type TEXT,
    original_prescription_key INTEGER,
    original_prescription_type TEXT,
    payee_type_system TEXT,
    payee_type_code TEXT,
    payee_type_text TEXT,
    payee_party_key INTEGER,
    payee_party_type TEXT,
    referral_key INTEGER,
    facility_key INTEGER,
    accident_date TEXT,
    accident_date_until TEXT,
    accident_type_system TEXT,
    accident_type_code TEXT,
    accident_type_text TEXT,
    total DOUBLE,
    total_currency TEXT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_claim_status_created_key ON claim (status, created, key);

CREATE INDEX ix_claim_use_created_key ON claim (use, created, key);

CREATE INDEX ix_claim_patient_key_created_key ON claim (patient_key, created, key);

CREATE INDEX ix_claim_created_key ON claim (created, key);

CREATE INDEX ix_claim_enterer_key_created_key ON claim (enterer_key, created, key) WHERE enterer_key IS NOT NULL;

CREATE INDEX ix_claim_insurer_key_created_key ON claim (insurer_key, created, key) WHERE insurer_key IS NOT NULL;

CREATE INDEX ix_claim_provider_key_created_key ON claim (provider_key, created, key);

CREATE INDEX ix_claim_payee_party_key_created_key ON claim (payee_party_key, created, key) WHERE payee_party_key IS NOT NULL;

CREATE INDEX ix_claim_facility_key_created_key ON claim (facility_key, created, key) WHERE facility_key IS NOT NULL;

CREATE TABLE claim_identifier (
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

CREATE INDEX ix_claim_identifier_value_system_key ON claim_identifier (value, system, key);

CREATE TABLE claim_priority (
    key INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT,
    code TEXT,
    display TEXT,
    display_folded TEXT,
    main_date TEXT,
    PRIMARY KEY (key, coding)
) WITHOUT ROWID;

CREATE INDEX ix_claim_priority_code_main_date_key_system ON claim_priority (code, main_date, key, system);

CREATE TABLE claim_related (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    claim_key INTEGER,
    relationship_system TEXT,
    relationship_code TEXT,
    relationship_text TEXT,
    reference_system TEXT,
    reference_value TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_care_team (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    provider_key INTEGER,
    provider_type TEXT,
    responsible BOOLEAN,
    role_system TEXT,
    role_code TEXT,
    role_text TEXT,
    qualification_system TEXT,
    qualification_code TEXT,
    qualification_text TEXT,
    main_date TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_care_team_provider_key_main_date_key ON claim_care_team (provider_key, main_date, key);

CREATE TABLE claim_diagnosis (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    diagnosis_system TEXT,
    diagnosis_code TEXT,
    diagnosis_text TEXT,
    condition_key INTEGER,
    on_admission_system TEXT,
    on_admission_code TEXT,
    on_admission_text TEXT,
    package_code_system TEXT,
    package_code_code TEXT,
    package_code_text TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_procedure (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    date TEXT,
    date_until TEXT,
    procedure_concept_system TEXT,
    procedure_concept_code TEXT,
    procedure_concept_text TEXT,
    procedure_key INTEGER,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_procedure_udi (
    key INTEGER NOT NULL,
    procedure_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, procedure_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_procedure_udi_target_key_main_date_key ON claim_procedure_udi (target_key, main_date, key);

CREATE TABLE claim_insurance (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    focal BOOLEAN,
    identifier_system TEXT,
    identifier_value TEXT,
    coverage_key INTEGER,
    business_arrangement TEXT,
    claim_response_key INTEGER,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_item (
    key INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    revenue_system TEXT,
    revenue_code TEXT,
    revenue_text TEXT,
    category_system TEXT,
    category_code TEXT,
    category_text TEXT,
    product_or_service_system TEXT,
    product_or_service_code TEXT,
    product_or_service_text TEXT,
    serviced_start TEXT,
    serviced_end TEXT,
    quantity DOUBLE,
    quantity_comparator TEXT,
    quantity_unit TEXT,
    quantity_system TEXT,
    quantity_code TEXT,
    unit_price DOUBLE,
    unit_price_currency TEXT,
    factor DOUBLE,
    net DOUBLE,
    net_currency TEXT,
    body_site_system TEXT,
    body_site_code TEXT,
    body_site_text TEXT,
    PRIMARY KEY (key, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_item_udi (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, item_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_item_udi_target_key_main_date_key ON claim_item_udi (target_key, main_date, key);

CREATE TABLE claim_item_encounter (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, item_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_item_encounter_target_key_main_date_key ON claim_item_encounter (target_key, main_date, key);

CREATE TABLE claim_item_detail (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    product_or_service_system TEXT,
    product_or_service_code TEXT,
    product_or_service_text TEXT,
    quantity DOUBLE,
    quantity_comparator TEXT,
    quantity_unit TEXT,
    quantity_system TEXT,
    quantity_code TEXT,
    unit_price DOUBLE,
    unit_price_currency TEXT,
    net DOUBLE,
    net_currency TEXT,
    PRIMARY KEY (key, item_ordinal, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_item_detail_udi (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, item_ordinal, detail_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_item_detail_udi_target_key_main_date_key ON claim_item_detail_udi (target_key, main_date, key);

CREATE TABLE claim_item_detail_sub_detail (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    product_or_service_system TEXT,
    product_or_service_code TEXT,
    product_or_service_text TEXT,
    quantity DOUBLE,
    quantity_comparator TEXT,
    quantity_unit TEXT,
    quantity_system TEXT,
    quantity_code TEXT,
    unit_price DOUBLE,
    unit_price_currency TEXT,
    net DOUBLE,
    net_currency TEXT,
    PRIMARY KEY (key, item_ordinal, detail_ordinal, ordinal)
) WITHOUT ROWID;

CREATE TABLE claim_item_detail_sub_detail_udi (
    key INTEGER NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    sub_detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key INTEGER,
    main_date TEXT,
    PRIMARY KEY (key, item_ordinal, detail_ordinal, sub_detail_ordinal, ordinal)
) WITHOUT ROWID;

CREATE INDEX ix_claim_item_detail_sub_detail_udi_target_key_main_date_key ON claim_item_detail_sub_detail_udi (target_key, main_date, key);

CREATE VIEW v_claim AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    t.type_system,
    t.type_code,
    t.type_text,
    t.sub_type_system,
    t.sub_type_code,
    t.sub_type_text,
    t.use,
    r8.id AS patient_id,
    NULLIF(t.billable_period_start, '0001-01-02 00:00:00.000000') AS billable_period_start,
    NULLIF(t.billable_period_end, '9999-12-31 00:00:00.000000') AS billable_period_end,
    t.created,
    r13.id AS enterer_id,
    t.enterer_type,
    r15.id AS insurer_id,
    r16.id AS provider_id,
    t.provider_type,
    t.funds_reserve_system,
    t.funds_reserve_code,
    t.funds_reserve_text,
    r21.id AS prescription_id,
    t.prescription_type,
    r23.id AS original_prescription_id,
    t.original_prescription_type,
    t.payee_type_system,
    t.payee_type_code,
    t.payee_type_text,
    r28.id AS payee_party_id,
    t.payee_party_type,
    r30.id AS referral_id,
    r31.id AS facility_id,
    t.accident_date,
    t.accident_type_system,
    t.accident_type_code,
    t.accident_type_text,
    t.total,
    t.total_currency,
    c0.system AS priority_system,
    c0.code AS priority_code,
    c0.display AS priority_display
FROM claim t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r8 ON r8.key = t.patient_key
LEFT JOIN resource r13 ON r13.key = t.enterer_key
LEFT JOIN resource r15 ON r15.key = t.insurer_key
LEFT JOIN resource r16 ON r16.key = t.provider_key
LEFT JOIN resource r21 ON r21.key = t.prescription_key
LEFT JOIN resource r23 ON r23.key = t.original_prescription_key
LEFT JOIN resource r28 ON r28.key = t.payee_party_key
LEFT JOIN resource r30 ON r30.key = t.referral_key
LEFT JOIN resource r31 ON r31.key = t.facility_key
LEFT JOIN claim_priority c0 ON c0.key = t.key AND c0.coding = 0;

CREATE VIEW v_claim_related AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS claim_id,
    t.relationship_system,
    t.relationship_code,
    t.relationship_text,
    t.reference_system,
    t.reference_value
FROM claim_related t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.claim_key;

CREATE VIEW v_claim_care_team AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    r2.id AS provider_id,
    t.provider_type,
    t.responsible,
    t.role_system,
    t.role_code,
    t.role_text,
    t.qualification_system,
    t.qualification_code,
    t.qualification_text
FROM claim_care_team t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.provider_key;

CREATE VIEW v_claim_diagnosis AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    t.diagnosis_system,
    t.diagnosis_code,
    t.diagnosis_text,
    r5.id AS condition_id,
    t.on_admission_system,
    t.on_admission_code,
    t.on_admission_text,
    t.package_code_system,
    t.package_code_code,
    t.package_code_text
FROM claim_diagnosis t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r5 ON r5.key = t.condition_key;

CREATE VIEW v_claim_procedure AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    t.date,
    t.procedure_concept_system,
    t.procedure_concept_code,
    t.procedure_concept_text,
    r7.id AS procedure_id
FROM claim_procedure t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r7 ON r7.key = t.procedure_key;

CREATE VIEW v_claim_procedure_udi AS
SELECT
    t.key,
    r.id,
    t.procedure_ordinal,
    t.ordinal,
    r2.id AS target_id
FROM claim_procedure_udi t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.target_key;

CREATE VIEW v_claim_insurance AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    t.focal,
    t.identifier_system,
    t.identifier_value,
    r5.id AS coverage_id,
    t.business_arrangement,
    r7.id AS claim_response_id
FROM claim_insurance t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r5 ON r5.key = t.coverage_key
LEFT JOIN resource r7 ON r7.key = t.claim_response_key;

CREATE VIEW v_claim_item AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    t.revenue_system,
    t.revenue_code,
    t.revenue_text,
    t.category_system,
    t.category_code,
    t.category_text,
    t.product_or_service_system,
    t.product_or_service_code,
    t.product_or_service_text,
    NULLIF(t.serviced_start, '0001-01-02 00:00:00.000000') AS serviced_start,
    NULLIF(t.serviced_end, '9999-12-31 00:00:00.000000') AS serviced_end,
    t.quantity,
    t.quantity_comparator,
    t.quantity_unit,
    t.quantity_system,
    t.quantity_code,
    t.unit_price,
    t.unit_price_currency,
    t.factor,
    t.net,
    t.net_currency,
    t.body_site_system,
    t.body_site_code,
    t.body_site_text
FROM claim_item t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_claim_item_udi AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.ordinal,
    r2.id AS target_id
FROM claim_item_udi t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.target_key;

CREATE VIEW v_claim_item_encounter AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.ordinal,
    r2.id AS target_id
FROM claim_item_encounter t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r2 ON r2.key = t.target_key;

CREATE VIEW v_claim_item_detail AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.ordinal,
    t.sequence,
    t.product_or_service_system,
    t.product_or_service_code,
    t.product_or_service_text,
    t.quantity,
    t.quantity_comparator,
    t.quantity_unit,
    t.quantity_system,
    t.quantity_code,
    t.unit_price,
    t.unit_price_currency,
    t.net,
    t.net_currency
FROM claim_item_detail t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_claim_item_detail_udi AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.detail_ordinal,
    t.ordinal,
    r3.id AS target_id
FROM claim_item_detail_udi t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r3 ON r3.key = t.target_key;

CREATE VIEW v_claim_item_detail_sub_detail AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.detail_ordinal,
    t.ordinal,
    t.sequence,
    t.product_or_service_system,
    t.product_or_service_code,
    t.product_or_service_text,
    t.quantity,
    t.quantity_comparator,
    t.quantity_unit,
    t.quantity_system,
    t.quantity_code,
    t.unit_price,
    t.unit_price_currency,
    t.net,
    t.net_currency
FROM claim_item_detail_sub_detail t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_claim_item_detail_sub_detail_udi AS
SELECT
    t.key,
    r.id,
    t.item_ordinal,
    t.detail_ordinal,
    t.sub_detail_ordinal,
    t.ordinal,
    r4.id AS target_id
FROM claim_item_detail_sub_detail_udi t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r4 ON r4.key = t.target_key;
