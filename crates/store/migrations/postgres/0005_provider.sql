-- Sign-in at a provider of the organization (OpenID Connect).

-- Attempts that wait for the provider's answer, by SHA-256 of the browser's secret. Each is taken once.
create table sign_in_attempt (
    hash bytea primary key,
    return_to text not null,
    -- The person who signs in again; null for a sign-in.
    identity_id uuid,
    address text not null,
    started_at bigint not null,
    expires_at bigint not null
);
create index sign_in_attempt_expiry on sign_in_attempt (expires_at);

-- Who a provider's subject is here. A person has one subject at an issuer.
create table provider_identity (
    issuer text not null,
    subject text not null,
    identity_id uuid not null references identity (id),
    bound_at bigint not null,
    primary key (issuer, subject),
    unique (issuer, identity_id)
);

-- Memberships that came from a provider, and go when it does not name the group any more.
create table provider_membership (
    group_id uuid not null,
    member_id uuid not null,
    issuer text not null,
    primary key (group_id, member_id),
    foreign key (group_id, member_id) references membership (group_id, member_id) on delete cascade
);
create index provider_membership_member on provider_membership (member_id);
