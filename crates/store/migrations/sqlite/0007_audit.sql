-- The audit log for officers: looked up by what an event is about, signed records, and retention.

create index audit_event_time on audit_event (time, sequence);
create index audit_event_actor on audit_event (actor_id, sequence);
create index audit_event_action on audit_event (action, sequence);
create index audit_event_project on audit_event (project_id, sequence);
create index audit_event_subject on audit_event (resource_id, sequence);
create index audit_event_run on audit_event (run_id, sequence) where run_id is not null;

-- One signing key per scale unit and version. The wrapped secret is the provider's; the public key is for everybody.
create table signing_key (
    id blob primary key,
    scale_unit text not null,
    version bigint not null,
    generation_id text not null references root_generation (id),
    public_key blob not null,
    wrapped blob not null,
    created_at bigint not null,
    unique (scale_unit, version)
);

-- What the scale unit has signed. nodes: the subtrees of the tree over the rows so far, 32 bytes each.
create table signed_record (
    number bigint primary key,
    kind text not null,
    scale_unit text not null,
    organization_id blob not null,
    previous blob not null,
    time bigint not null,
    key_id blob not null references signing_key (id),
    sequence bigint not null,
    head blob not null,
    root blob not null,
    payload blob not null,
    body text not null,
    signature blob not null,
    nodes blob not null
);
create index signed_record_sequence on signed_record (sequence);
create index signed_record_kind on signed_record (kind, number);

-- What the events explained that retention removed: one row.
create table audit_snapshot (
    through bigint primary key,
    facts text not null
);
