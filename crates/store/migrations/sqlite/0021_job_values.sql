-- What the expressions in a job's variables came to when its run started. None of it is secret.
create table job_value (
    job_id blob not null references job (id),
    name text not null,
    value text not null,
    primary key (job_id, name)
);
