-- Switches of the organization, one-time codes for one person each, descriptions, and the right to a project itself.

-- A missing row means the default.
create table organization_setting (
    organization_id uuid not null references organization (id),
    name text not null,
    value text not null,
    primary key (organization_id, name)
);

-- SHA-256 of the code, hex. Without an identity: the code of the first start, which makes the first administrator.
create table one_time_code (
    digest text primary key,
    identity_id uuid references identity (id),
    created_at bigint not null,
    expires_at bigint
);
create index one_time_code_identity on one_time_code (identity_id);
insert into one_time_code (digest, created_at) select value, 0 from meta where key = 'first_sign_in';
delete from meta where key = 'first_sign_in';

-- standard: a group that came with its project or the organization. Until now there were no others.
alter table identity add column description text not null default '';
alter table identity add column standard bigint not null default 0;
update identity set standard = 1 where kind = 2;

alter table project add column description text not null default '';
alter table project add column revision bigint not null default 1;
alter table project add column changed_at bigint not null default 0;
alter table project add column access_token text not null default '';
update project set changed_at = created_at,
    access_token = '$PROJECT:vstfs:///Classification/TeamProject/' || id::text;

-- What `default_groups` of the model gives a new project, for those that are there.
insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
    select '52d39943-cb85-4d7f-8fa8-c6baac873819'::uuid, p.access_token, i.id,
        case when i.kind = 2 and i.display_name = 'Project Administrators' then 65543 else 1 end, 0
    from identity i join project p on p.id = i.project_id
    where i.kind = 3 or i.display_name in ('Project Valid Users', 'Project Administrators');
