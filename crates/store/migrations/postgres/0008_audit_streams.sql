-- Audit streams: where the log is sent, how far each is, and which node sends.

-- kind: webhook, splunk, syslog. cursor: the last place in the chain that the target accepted. The secret is sealed
-- under a key of its own below the root generation.
create table audit_stream (
    id uuid primary key,
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
    lease_owner uuid,
    lease_until bigint not null,
    generation_id text references root_generation (id),
    wrapped bytea,
    commitment bytea,
    wrapped_key bytea,
    sealed_secret bytea,
    created_by uuid not null references identity (id),
    created_at bigint not null,
    modified_by uuid not null references identity (id),
    modified_at bigint not null
);

-- The organization's administrators manage and delete streams: 4 and 8 beside what they have.
update access_entry set allow_bits = allow_bits | 15
    where namespace_id = 'a6cc6381-a1ca-4b36-b3c1-4e65211e82b6' and token = 'AllPermissions'
        and identity_id in (select id from identity where kind = 2 and project_id is null
            and display_name = 'Project Collection Administrators');
