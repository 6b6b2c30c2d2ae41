CREATE TABLE meta_tag (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_meta_tag_code ON meta_tag (code, system, type, key);

CREATE TABLE meta_security (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    system TEXT COLLATE "C",
    code TEXT COLLATE "C",
    display TEXT COLLATE "C",
    display_folded TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_meta_security_code ON meta_security (code, system, type, key);

CREATE TABLE meta_profile (
    key BIGINT NOT NULL,
    ordinal INTEGER NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    version TEXT COLLATE "C",
    PRIMARY KEY (key, ordinal)
);

CREATE INDEX ix_meta_profile_value ON meta_profile (substr(value, 1, 200), type, key);

CREATE TABLE meta_source (
    key BIGINT NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    PRIMARY KEY (key)
);

CREATE INDEX ix_meta_source_value ON meta_source (substr(value, 1, 200), type, key);

CREATE TABLE loose_reference (
    key BIGINT NOT NULL,
    position INTEGER NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    ordinal INTEGER NOT NULL,
    reference TEXT COLLATE "C",
    version BIGINT,
    target_type TEXT COLLATE "C",
    identifier_system TEXT COLLATE "C",
    identifier_value TEXT COLLATE "C",
    display TEXT COLLATE "C",
    PRIMARY KEY (key, position)
);

CREATE INDEX ix_loose_reference_reference ON loose_reference (reference, path, key) WHERE reference IS NOT NULL;

CREATE INDEX ix_loose_reference_identifier ON loose_reference (identifier_value, identifier_system, path, key) WHERE identifier_value IS NOT NULL;

CREATE TABLE contained (
    key BIGINT NOT NULL,
    position INTEGER NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    contained_type TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C",
    PRIMARY KEY (key, position)
);

CREATE INDEX ix_contained_type ON contained (contained_type, type, key);
