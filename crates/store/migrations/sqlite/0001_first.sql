-- The first schema. The other engine's folder holds the same tables and columns; a test compares them.
-- Types: ids are blob, times are microseconds since 1970 in bigint, texts are text, bytes are blob.

create table meta (
    key text primary key,
    value text not null
);

create table organization (
    id blob primary key,
    name text not null,
    name_key text not null unique,
    created_at bigint not null
);

create table project (
    id blob primary key,
    organization_id blob not null references organization (id),
    name text not null,
    name_key text not null,
    created_at bigint not null,
    unique (organization_id, name_key)
);

-- People, groups and services. kind: 1 person, 2 group, 3 service.
create table identity (
    id blob primary key,
    kind bigint not null,
    project_id blob references project (id),
    unique_name text not null,
    unique_key text not null unique,
    display_name text not null,
    created_at bigint not null,
    disabled_at bigint
);

create table membership (
    group_id blob not null references identity (id),
    member_id blob not null references identity (id),
    primary key (group_id, member_id)
);
create index membership_member on membership (member_id);

-- The one access-control store. A missing access_list row means that the token inherits.
create table access_list (
    namespace_id blob not null,
    token text not null,
    inherits bigint not null,
    primary key (namespace_id, token)
);

create table access_entry (
    namespace_id blob not null,
    token text not null,
    identity_id blob not null references identity (id),
    allow_bits bigint not null,
    deny_bits bigint not null,
    primary key (namespace_id, token, identity_id)
);
create index access_entry_identity on access_entry (identity_id);

-- Tokens, as SHA-256 only. kind: pat, agent, job.
create table credential (
    id blob primary key,
    kind text not null,
    hash blob not null unique,
    identity_id blob not null references identity (id),
    job_id blob,
    label text not null,
    created_at bigint not null,
    expires_at bigint not null,
    revoked_at bigint
);
create index credential_identity on credential (identity_id);
create index credential_job on credential (job_id);

-- Keys. state: active, draining, retired (generations later also disabled, destroyed).
create table root_generation (
    id text primary key,
    scale_unit text not null,
    provider text not null,
    state text not null,
    created_at bigint not null
);

create table project_key (
    id blob primary key,
    project_id blob not null references project (id),
    version bigint not null,
    scale_unit text not null,
    generation_id text not null references root_generation (id),
    state text not null,
    wrapped blob not null,
    commitment blob not null,
    deployment text not null,
    created_at bigint not null,
    unique (project_id, version)
);

-- Every key wrapped by a project key: of files, job logs, later variables, artifacts, our own secrets.
create table wrapped_key (
    kind text not null,
    owner_id blob not null,
    project_key_id blob not null references project_key (id),
    wrapped blob not null,
    primary key (kind, owner_id)
);
create index wrapped_key_project_key on wrapped_key (project_key_id);

-- Sealed bytes are in the row (one segment) or in the blob store, never in both.
create table secure_file (
    id blob primary key,
    project_id blob not null references project (id),
    name text not null,
    name_key text not null,
    access_token text not null unique,
    size bigint not null,
    preamble blob not null,
    sealed blob,
    blob_id blob unique,
    sealed_length bigint not null,
    sealed_sha256 blob not null,
    created_by blob not null references identity (id),
    created_at bigint not null,
    modified_by blob not null references identity (id),
    modified_at bigint not null,
    unique (project_id, name_key),
    check ((sealed is null) <> (blob_id is null))
);

create table secure_file_property (
    file_id blob not null references secure_file (id) on delete cascade,
    name text not null,
    name_key text not null,
    value text not null,
    primary key (file_id, name_key)
);

-- A blob is named here before its first byte is written, and leaves when its row is committed.
create table upload_intent (
    blob_id blob primary key,
    scale_unit text not null,
    created_at bigint not null,
    expires_at bigint not null
);

create table blob_trash (
    blob_id blob primary key,
    scale_unit text not null,
    delete_after bigint not null
);

create table blob_segment (
    blob_id blob not null,
    ordinal bigint not null,
    data blob not null,
    primary key (blob_id, ordinal)
);

create table pipeline (
    id integer primary key autoincrement,
    project_id blob not null references project (id),
    name text not null,
    name_key text not null,
    folder text not null,
    revision bigint not null,
    created_by blob not null references identity (id),
    created_at bigint not null,
    unique (project_id, folder, name_key)
);

create table pipeline_revision (
    pipeline_id bigint not null references pipeline (id),
    revision bigint not null,
    path text not null,
    yaml text not null,
    created_by blob not null references identity (id),
    created_at bigint not null,
    primary key (pipeline_id, revision)
);

-- pipeline_id 0 is open access. refs: null means every ref.
create table pipeline_permission (
    resource_kind text not null,
    resource_id text not null,
    pipeline_id bigint not null,
    project_id blob not null references project (id),
    authorized_by blob not null references identity (id),
    authorized_at bigint not null,
    refs text,
    primary key (resource_kind, resource_id, pipeline_id)
);

create table run (
    id integer primary key autoincrement,
    project_id blob not null references project (id),
    pipeline_id bigint not null references pipeline (id),
    pipeline_revision bigint not null,
    name text not null,
    state text not null,
    result text,
    requested_by blob not null references identity (id),
    plan text not null,
    plan_digest blob not null,
    plan_id blob not null,
    timeline_id blob not null,
    next_log bigint not null,
    change_id bigint not null,
    created_at bigint not null,
    started_at bigint,
    finished_at bigint
);
create index run_project on run (project_id, id);
create index run_pipeline on run (pipeline_id, id);

-- A stage of a run, with its checkpoint. state: waiting, running, completed.
create table stage (
    run_id bigint not null references run (id),
    ordinal bigint not null,
    name text not null,
    record_id blob not null,
    state text not null,
    primary key (run_id, ordinal)
);
create index stage_waiting on stage (run_id) where state = 'waiting';

create table stage_resource (
    run_id bigint not null,
    stage_ordinal bigint not null,
    resource_kind text not null,
    resource_id text not null,
    primary key (run_id, stage_ordinal, resource_kind, resource_id)
);
create index stage_resource_resource on stage_resource (resource_kind, resource_id);

create table job (
    id blob primary key,
    run_id bigint not null references run (id),
    stage_ordinal bigint not null,
    ordinal bigint not null,
    name text not null,
    record_id blob not null,
    state text not null,
    result text,
    agent_id blob,
    lease_hash blob,
    lease_until bigint,
    attempt bigint not null,
    cancel_requested bigint not null,
    continue_on_error bigint not null,
    queued_at bigint not null,
    started_at bigint,
    finished_at bigint
);
create index job_run on job (run_id);
create index job_queue on job (state, queued_at);

-- The files that a job's plan names.
create table job_file (
    job_id blob not null references job (id),
    file_id blob not null,
    primary key (job_id, file_id)
);

create table job_output (
    job_id blob not null references job (id),
    name text not null,
    value text not null,
    primary key (job_id, name)
);

-- Tickets, as SHA-256 only.
create table ticket (
    hash blob primary key,
    job_id blob not null references job (id),
    file_id blob not null,
    issued_at bigint not null
);

create table timeline_record (
    run_id bigint not null references run (id),
    id blob not null,
    job_id blob,
    parent_id blob,
    kind text not null,
    name text not null,
    ref_name text,
    ordinal bigint not null,
    state text not null,
    result text,
    started_at bigint,
    finished_at bigint,
    errors bigint not null,
    warnings bigint not null,
    issues text not null,
    log_id bigint,
    log_lines bigint not null,
    worker text,
    primary key (run_id, id)
);

-- Sealed pages of job logs, at most 64 KiB of text each.
create table log_page (
    run_id bigint not null references run (id),
    record_id blob not null,
    first_line bigint not null,
    line_count bigint not null,
    page_id blob not null,
    job_id blob not null,
    sealed blob not null,
    created_at bigint not null,
    primary key (run_id, record_id, first_line)
);

create table agent (
    id blob primary key,
    pool text not null,
    name text not null,
    name_key text not null,
    version text not null,
    coffer_version text not null,
    public_key blob not null,
    capabilities text not null,
    identity_id blob not null references identity (id),
    registered_at bigint not null,
    last_seen_at bigint not null,
    unique (pool, name_key)
);

-- The audit log. sequence is null until the row is linked into the chain.
create table audit_event (
    ordinal integer primary key autoincrement,
    id blob not null unique,
    time bigint not null,
    action text not null,
    outcome text not null,
    actor_id blob not null,
    actor_name text not null,
    authentication text not null,
    address text not null,
    project_id blob,
    resource_kind text not null,
    resource_id text not null,
    run_id bigint,
    job_id blob,
    details text not null,
    salt blob not null,
    digest blob not null,
    sequence bigint unique
);
create index audit_event_unlinked on audit_event (ordinal) where sequence is null;
create index audit_event_resource on audit_event (resource_kind, resource_id);

-- The chain over digests; stays when retention takes the event away.
create table audit_link (
    sequence bigint primary key,
    digest blob not null,
    chain blob not null
);
