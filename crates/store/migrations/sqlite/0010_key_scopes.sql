-- One hierarchy of keys. A key's scope is a project, the organization (nil), or, from before this migration, an audit
-- stream. Whatever a key of a scope wraps is in wrapped_key: files, job logs, second factors, secrets of streams.

create table scope_key (
    id blob primary key,
    scope_id blob not null,
    version bigint not null,
    scale_unit text not null,
    generation_id text not null references root_generation (id),
    state text not null,
    wrapped blob not null,
    commitment blob not null,
    deployment text not null,
    created_at bigint not null,
    unique (scope_id, version)
);
insert into scope_key
    select id, project_id, version, scale_unit, generation_id, state, wrapped, commitment, deployment, created_at
        from project_key;
insert into scope_key
    select id, x'00000000000000000000000000000000', version, scale_unit, generation_id, state, wrapped, commitment,
            deployment, created_at
        from organization_key;
insert into scope_key
    select s.id, s.id, 1, g.scale_unit, s.generation_id, 'active', s.wrapped, s.commitment, '', s.modified_at
        from audit_stream s join root_generation g on g.id = s.generation_id;

create table scope_wrap (
    kind text not null,
    owner_id blob not null,
    project_key_id blob not null references scope_key (id),
    wrapped blob not null,
    primary key (kind, owner_id)
);
insert into scope_wrap select kind, owner_id, project_key_id, wrapped from wrapped_key;
insert into scope_wrap select 'secondfactor', identity_id, organization_key_id, wrapped from second_factor;
insert into scope_wrap select 'auditstream', id, id, wrapped_key from audit_stream where wrapped_key is not null;

create table factor (
    identity_id blob primary key references identity (id),
    sealed blob not null,
    created_at bigint not null,
    confirmed_at bigint,
    last_step bigint not null
);
insert into factor select identity_id, sealed, created_at, confirmed_at, last_step from second_factor;

create table stream (
    id blob primary key,
    name text not null,
    name_key text not null unique,
    kind text not null,
    url text not null,
    options text not null,
    enabled bigint not null,
    cursor bigint not null,
    delivered_at bigint,
    failures bigint not null,
    failing_since bigint,
    last_error text,
    failed_at bigint,
    retry_at bigint not null,
    lease_owner blob,
    lease_until bigint not null,
    sealed_secret blob,
    created_by blob not null references identity (id),
    created_at bigint not null,
    modified_by blob not null references identity (id),
    modified_at bigint not null
);
insert into stream
    select id, name, name_key, kind, url, options, enabled, cursor, delivered_at, failures, failing_since, last_error,
            failed_at, retry_at, lease_owner, lease_until, sealed_secret, created_by, created_at, modified_by, modified_at
        from audit_stream;

drop table wrapped_key;
drop table second_factor;
drop table audit_stream;
drop table project_key;
drop table organization_key;
alter table scope_key rename to project_key;
alter table scope_wrap rename to wrapped_key;
alter table factor rename to second_factor;
alter table stream rename to audit_stream;
create index wrapped_key_project_key on wrapped_key (project_key_id, kind, owner_id);
