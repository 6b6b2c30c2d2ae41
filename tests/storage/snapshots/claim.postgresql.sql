CREATE TABLE claim (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    type_system TEXT COLLATE "C",
    type_code TEXT COLLATE "C",
    type_text TEXT COLLATE "C",
    sub_type_system TEXT COLLATE "C",
    sub_type_code TEXT COLLATE "C",
    sub_type_text TEXT COLLATE "C",
    use TEXT COLLATE "C",
    patient_key BIGINT,
    billable_period_start TIMESTAMP WITH TIME ZONE,
    billable_period_end TIMESTAMP WITH TIME ZONE,
    created TIMESTAMP WITH TIME ZONE,
    created_until TIMESTAMP WITH TIME ZONE,
    enterer_key BIGINT,
    enterer_type TEXT COLLATE "C",
    insurer_key BIGINT,
    provider_key BIGINT,
    provider_type TEXT COLLATE "C",
    funds_reserve_system TEXT COLLATE "C",
    funds_reserve_code TEXT COLLATE "C",
    funds_reserve_text TEXT COLLATE "C",
    prescription_key BIGINT,
    prescription_type TEXT COLLATE "C",
    original_prescription_key BIGINT,
    original_prescription_type TEXT COLLATE "C",
    payee_type_system TEXT COLLATE "C",
    payee_type_code TEXT COLLATE "C",
    payee_type_text TEXT COLLATE "C",
    payee_party_key BIGINT,
    payee_party_type TEXT COLLATE "C",
    referral_key BIGINT,
    facility_key BIGINT,
    accident_date TIMESTAMP WITH TIME ZONE,
    accident_date_until TIMESTAMP WITH TIME ZONE,
    accident_type_system TEXT COLLATE "C",
    accident_type_code TEXT COLLATE "C",
    accident_type_text TEXT COLLATE "C",
    total NUMERIC,
    total_currency TEXT COLLATE "C",
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

CREATE INDEX ix_claim_identifier_value_system_key ON claim_identifier (value, system, key);

CREATE TABLE claim_priority (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_claim_priority_code_main_date_key_system ON claim_priority (code, main_date, key, system);

CREATE TABLE claim_related (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    claim_key BIGINT,
    relationship_system TEXT COLLATE "C",
    relationship_code TEXT COLLATE "C",
    relationship_text TEXT COLLATE "C",
    reference_system TEXT COLLATE "C",
    reference_value TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE claim_care_team (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    provider_key BIGINT,
    provider_type TEXT COLLATE "C",
    responsible BOOLEAN,
    role_system TEXT COLLATE "C",
    role_code TEXT COLLATE "C",
    role_text TEXT COLLATE "C",
    qualification_system TEXT COLLATE "C",
    qualification_code TEXT COLLATE "C",
    qualification_text TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_claim_care_team_provider_key_main_date_key ON claim_care_team (provider_key, main_date, key);

CREATE TABLE claim_diagnosis (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    diagnosis_system TEXT COLLATE "C",
    diagnosis_code TEXT COLLATE "C",
    diagnosis_text TEXT COLLATE "C",
    condition_key BIGINT,
    on_admission_system TEXT COLLATE "C",
    on_admission_code TEXT COLLATE "C",
    on_admission_text TEXT COLLATE "C",
    package_code_system TEXT COLLATE "C",
    package_code_code TEXT COLLATE "C",
    package_code_text TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE claim_procedure (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    date TIMESTAMP WITH TIME ZONE,
    date_until TIMESTAMP WITH TIME ZONE,
    procedure_concept_system TEXT COLLATE "C",
    procedure_concept_code TEXT COLLATE "C",
    procedure_concept_text TEXT COLLATE "C",
    procedure_key BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE claim_procedure_udi (
    key BIGINT NOT NULL,
    procedure_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, procedure_ordinal, ordinal)
);

CREATE INDEX ix_claim_procedure_udi_target_key_main_date_key ON claim_procedure_udi (target_key, main_date, key);

CREATE TABLE claim_insurance (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    focal BOOLEAN,
    identifier_system TEXT COLLATE "C",
    identifier_value TEXT COLLATE "C",
    coverage_key BIGINT,
    business_arrangement TEXT COLLATE "C",
    claim_response_key BIGINT,
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE claim_item (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    revenue_system TEXT COLLATE "C",
    revenue_code TEXT COLLATE "C",
    revenue_text TEXT COLLATE "C",
    category_system TEXT COLLATE "C",
    category_code TEXT COLLATE "C",
    category_text TEXT COLLATE "C",
    product_or_service_system TEXT COLLATE "C",
    product_or_service_code TEXT COLLATE "C",
    product_or_service_text TEXT COLLATE "C",
    serviced_start TIMESTAMP WITH TIME ZONE,
    serviced_end TIMESTAMP WITH TIME ZONE,
    quantity NUMERIC,
    quantity_comparator TEXT COLLATE "C",
    quantity_unit TEXT COLLATE "C",
    quantity_system TEXT COLLATE "C",
    quantity_code TEXT COLLATE "C",
    unit_price NUMERIC,
    unit_price_currency TEXT COLLATE "C",
    factor NUMERIC,
    net NUMERIC,
    net_currency TEXT COLLATE "C",
    body_site_system TEXT COLLATE "C",
    body_site_code TEXT COLLATE "C",
    body_site_text TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE claim_item_udi (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, item_ordinal, ordinal)
);

CREATE INDEX ix_claim_item_udi_target_key_main_date_key ON claim_item_udi (target_key, main_date, key);

CREATE TABLE claim_item_encounter (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, item_ordinal, ordinal)
);

CREATE INDEX ix_claim_item_encounter_target_key_main_date_key ON claim_item_encounter (target_key, main_date, key);

CREATE TABLE claim_item_detail (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    product_or_service_system TEXT COLLATE "C",
    product_or_service_code TEXT COLLATE "C",
    product_or_service_text TEXT COLLATE "C",
    quantity NUMERIC,
    quantity_comparator TEXT COLLATE "C",
    quantity_unit TEXT COLLATE "C",
    quantity_system TEXT COLLATE "C",
    quantity_code TEXT COLLATE "C",
    unit_price NUMERIC,
    unit_price_currency TEXT COLLATE "C",
    net NUMERIC,
    net_currency TEXT COLLATE "C",
    PRIMARY KEY (key, item_ordinal, ordinal)
);

CREATE TABLE claim_item_detail_udi (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, item_ordinal, detail_ordinal, ordinal)
);

CREATE INDEX ix_claim_item_detail_udi_target_key_main_date_key ON claim_item_detail_udi (target_key, main_date, key);

CREATE TABLE claim_item_detail_sub_detail (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    product_or_service_system TEXT COLLATE "C",
    product_or_service_code TEXT COLLATE "C",
    product_or_service_text TEXT COLLATE "C",
    quantity NUMERIC,
    quantity_comparator TEXT COLLATE "C",
    quantity_unit TEXT COLLATE "C",
    quantity_system TEXT COLLATE "C",
    quantity_code TEXT COLLATE "C",
    unit_price NUMERIC,
    unit_price_currency TEXT COLLATE "C",
    net NUMERIC,
    net_currency TEXT COLLATE "C",
    PRIMARY KEY (key, item_ordinal, detail_ordinal, ordinal)
);

CREATE TABLE claim_item_detail_sub_detail_udi (
    key BIGINT NOT NULL,
    item_ordinal INTEGER NOT NULL,
    detail_ordinal INTEGER NOT NULL,
    sub_detail_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, item_ordinal, detail_ordinal, sub_detail_ordinal, ordinal)
);

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
    NULLIF(t.billable_period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS billable_period_start,
    NULLIF(t.billable_period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS billable_period_end,
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
    NULLIF(t.serviced_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS serviced_start,
    NULLIF(t.serviced_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS serviced_end,
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
