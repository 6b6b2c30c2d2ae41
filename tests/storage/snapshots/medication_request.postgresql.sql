CREATE TABLE medication_request (
    key BIGINT NOT NULL,
    status TEXT COLLATE "C",
    status_reason_system TEXT COLLATE "C",
    status_reason_code TEXT COLLATE "C",
    status_reason_text TEXT COLLATE "C",
    intent TEXT COLLATE "C",
    priority TEXT COLLATE "C",
    do_not_perform BOOLEAN,
    reported_boolean BOOLEAN,
    reported_key BIGINT,
    reported_type TEXT COLLATE "C",
    medication_key BIGINT,
    subject_key BIGINT,
    subject_type TEXT COLLATE "C",
    encounter_key BIGINT,
    authored_on TIMESTAMP WITH TIME ZONE,
    authored_on_until TIMESTAMP WITH TIME ZONE,
    requester_key BIGINT,
    requester_type TEXT COLLATE "C",
    performer_key BIGINT,
    performer_type TEXT COLLATE "C",
    recorder_key BIGINT,
    recorder_type TEXT COLLATE "C",
    group_identifier_system TEXT COLLATE "C",
    group_identifier_value TEXT COLLATE "C",
    course_of_therapy_type_system TEXT COLLATE "C",
    course_of_therapy_type_code TEXT COLLATE "C",
    course_of_therapy_type_text TEXT COLLATE "C",
    dispense_request_validity_period_start TIMESTAMP WITH TIME ZONE,
    dispense_request_validity_period_end TIMESTAMP WITH TIME ZONE,
    dispense_request_number_of_repeats_allowed BIGINT,
    dispense_request_quantity NUMERIC,
    dispense_request_quantity_comparator TEXT COLLATE "C",
    dispense_request_quantity_unit TEXT COLLATE "C",
    dispense_request_quantity_system TEXT COLLATE "C",
    dispense_request_quantity_code TEXT COLLATE "C",
    dispense_request_expected_supply_duration NUMERIC,
    dispense_request_expected_supply_duration_comparator TEXT COLLATE "C",
    dispense_request_expected_supply_duration_unit TEXT COLLATE "C",
    dispense_request_expected_supply_duration_system TEXT COLLATE "C",
    dispense_request_expected_supply_duration_code TEXT COLLATE "C",
    dispense_request_performer_key BIGINT,
    substitution_allowed_boolean BOOLEAN,
    substitution_allowed_codeable_concept_system TEXT COLLATE "C",
    substitution_allowed_codeable_concept_code TEXT COLLATE "C",
    substitution_allowed_codeable_concept_text TEXT COLLATE "C",
    substitution_reason_system TEXT COLLATE "C",
    substitution_reason_code TEXT COLLATE "C",
    substitution_reason_text TEXT COLLATE "C",
    prior_prescription_key BIGINT,
    PRIMARY KEY (key)
);

CREATE INDEX ix_medication_request_status_authored_on_key ON medication_request (status, authored_on, key);

CREATE INDEX ix_medication_request_intent_authored_on_key ON medication_request (intent, authored_on, key);

CREATE INDEX ix_medication_request_priority_authored_on_key ON medication_request (priority, authored_on, key) WHERE priority IS NOT NULL;

CREATE INDEX ix_medication_request_medication_key_authored_on_key ON medication_request (medication_key, authored_on, key) WHERE medication_key IS NOT NULL;

CREATE INDEX ix_medication_request_subject_key_authored_on_key ON medication_request (subject_key, authored_on, key);

CREATE INDEX ix_medication_request_encounter_key_authored_on_key ON medication_request (encounter_key, authored_on, key) WHERE encounter_key IS NOT NULL;

CREATE INDEX ix_medication_request_authored_on_key ON medication_request (authored_on, key);

CREATE INDEX ix_medication_request_requester_key_authored_on_key ON medication_request (requester_key, authored_on, key) WHERE requester_key IS NOT NULL;

CREATE INDEX ix_medication_request_performer_key_authored_on_key ON medication_request (performer_key, authored_on, key) WHERE performer_key IS NOT NULL;

CREATE INDEX ix_medication_request_dispense_request_performer_key_a_02797eeb ON medication_request (dispense_request_performer_key, authored_on, key) WHERE dispense_request_performer_key IS NOT NULL;

CREATE TABLE medication_request_identifier (
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

CREATE INDEX ix_medication_request_identifier_value_system_key ON medication_request_identifier (value, system, key);

CREATE TABLE medication_request_category (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, ordinal, coding)
);

CREATE INDEX ix_medication_request_category_code_main_date_key_system ON medication_request_category (code, main_date, key, system);

CREATE TABLE medication_request_medication_concept (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_medication_request_medication_concept_code_main_dat_eacb1000 ON medication_request_medication_concept (code, main_date, key, system);

CREATE TABLE medication_request_performer_type (
    key BIGINT NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    main_date TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, coding)
);

CREATE INDEX ix_medication_request_performer_type_code_main_date_key_system ON medication_request_performer_type (code, main_date, key, system);

CREATE TABLE medication_request_reason_code (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    coding INTEGER NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal, coding)
);

CREATE TABLE medication_request_reason_reference (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE medication_request_based_on (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE medication_request_insurance (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    target_key BIGINT,
    target_type TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE medication_request_dosage_instruction (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    sequence BIGINT,
    text TEXT COLLATE "C",
    patient_instruction TEXT COLLATE "C",
    timing_code_system TEXT COLLATE "C",
    timing_code_code TEXT COLLATE "C",
    timing_code_text TEXT COLLATE "C",
    as_needed_boolean BOOLEAN,
    as_needed_codeable_concept_system TEXT COLLATE "C",
    as_needed_codeable_concept_code TEXT COLLATE "C",
    as_needed_codeable_concept_text TEXT COLLATE "C",
    route_system TEXT COLLATE "C",
    route_code TEXT COLLATE "C",
    route_text TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE TABLE medication_request_dosage_instruction_timing_event (
    key BIGINT NOT NULL,
    dosage_instruction_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    value TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (key, dosage_instruction_ordinal, ordinal)
);

CREATE INDEX ix_medication_request_dosage_instruction_timing_event_value_key ON medication_request_dosage_instruction_timing_event (value, key);

CREATE TABLE medication_request_dosage_instruction_dose_and_rate (
    key BIGINT NOT NULL,
    dosage_instruction_ordinal INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    dose NUMERIC,
    dose_comparator TEXT COLLATE "C",
    dose_unit TEXT COLLATE "C",
    dose_system TEXT COLLATE "C",
    dose_code TEXT COLLATE "C",
    PRIMARY KEY (key, dosage_instruction_ordinal, ordinal)
);

CREATE VIEW v_medication_request AS
SELECT
    t.key,
    r.id,
    r.last_updated,
    t.status,
    t.status_reason_system,
    t.status_reason_code,
    t.status_reason_text,
    t.intent,
    t.priority,
    t.do_not_perform,
    t.reported_boolean,
    r8.id AS reported_id,
    t.reported_type,
    r10.id AS medication_id,
    r11.id AS subject_id,
    t.subject_type,
    r13.id AS encounter_id,
    t.authored_on,
    r16.id AS requester_id,
    t.requester_type,
    r18.id AS performer_id,
    t.performer_type,
    r20.id AS recorder_id,
    t.recorder_type,
    t.group_identifier_system,
    t.group_identifier_value,
    t.course_of_therapy_type_system,
    t.course_of_therapy_type_code,
    t.course_of_therapy_type_text,
    NULLIF(t.dispense_request_validity_period_start, TIMESTAMP WITH TIME ZONE '0001-01-02 00:00:00.000000+00') AS dispense_request_validity_period_start,
    NULLIF(t.dispense_request_validity_period_end, TIMESTAMP WITH TIME ZONE '9999-12-31 00:00:00.000000+00') AS dispense_request_validity_period_end,
    t.dispense_request_number_of_repeats_allowed,
    t.dispense_request_quantity,
    t.dispense_request_quantity_comparator,
    t.dispense_request_quantity_unit,
    t.dispense_request_quantity_system,
    t.dispense_request_quantity_code,
    t.dispense_request_expected_supply_duration,
    t.dispense_request_expected_supply_duration_comparator,
    t.dispense_request_expected_supply_duration_unit,
    t.dispense_request_expected_supply_duration_system,
    t.dispense_request_expected_supply_duration_code,
    r40.id AS dispense_request_performer_id,
    t.substitution_allowed_boolean,
    t.substitution_allowed_codeable_concept_system,
    t.substitution_allowed_codeable_concept_code,
    t.substitution_allowed_codeable_concept_text,
    t.substitution_reason_system,
    t.substitution_reason_code,
    t.substitution_reason_text,
    r48.id AS prior_prescription_id,
    c0.system AS medication_concept_system,
    c0.code AS medication_concept_code,
    c0.display AS medication_concept_display,
    c1.system AS performer_type_system,
    c1.code AS performer_type_code,
    c1.display AS performer_type_display
FROM medication_request t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r8 ON r8.key = t.reported_key
LEFT JOIN resource r10 ON r10.key = t.medication_key
LEFT JOIN resource r11 ON r11.key = t.subject_key
LEFT JOIN resource r13 ON r13.key = t.encounter_key
LEFT JOIN resource r16 ON r16.key = t.requester_key
LEFT JOIN resource r18 ON r18.key = t.performer_key
LEFT JOIN resource r20 ON r20.key = t.recorder_key
LEFT JOIN resource r40 ON r40.key = t.dispense_request_performer_key
LEFT JOIN resource r48 ON r48.key = t.prior_prescription_key
LEFT JOIN medication_request_medication_concept c0 ON c0.key = t.key AND c0.coding = 0
LEFT JOIN medication_request_performer_type c1 ON c1.key = t.key AND c1.coding = 0;

CREATE VIEW v_medication_request_reason_reference AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM medication_request_reason_reference t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_medication_request_based_on AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM medication_request_based_on t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_medication_request_insurance AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    r1.id AS target_id,
    t.target_type
FROM medication_request_insurance t
JOIN resource r ON r.key = t.key
LEFT JOIN resource r1 ON r1.key = t.target_key;

CREATE VIEW v_medication_request_dosage_instruction AS
SELECT
    t.key,
    r.id,
    t.ordinal,
    t.sequence,
    t.text,
    t.patient_instruction,
    t.timing_code_system,
    t.timing_code_code,
    t.timing_code_text,
    t.as_needed_boolean,
    t.as_needed_codeable_concept_system,
    t.as_needed_codeable_concept_code,
    t.as_needed_codeable_concept_text,
    t.route_system,
    t.route_code,
    t.route_text
FROM medication_request_dosage_instruction t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_medication_request_dosage_instruction_timing_event AS
SELECT
    t.key,
    r.id,
    t.dosage_instruction_ordinal,
    t.ordinal,
    t.value
FROM medication_request_dosage_instruction_timing_event t
JOIN resource r ON r.key = t.key;

CREATE VIEW v_medication_request_dosage_instruction_dose_and_rate AS
SELECT
    t.key,
    r.id,
    t.dosage_instruction_ordinal,
    t.ordinal,
    t.dose,
    t.dose_comparator,
    t.dose_unit,
    t.dose_system,
    t.dose_code
FROM medication_request_dosage_instruction_dose_and_rate t
JOIN resource r ON r.key = t.key;
