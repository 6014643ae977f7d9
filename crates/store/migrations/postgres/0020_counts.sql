-- Numbers that a pipeline counts: one for each name it counts by.

-- kind: revision (of run numbers that are otherwise the same), counter (of the function `counter`). last: the newest number given.
create table pipeline_count (
    pipeline_id bigint not null references pipeline (id),
    kind text not null,
    name text not null,
    last bigint not null,
    primary key (pipeline_id, kind, name)
);
