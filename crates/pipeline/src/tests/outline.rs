//! A plan in a few lines, so that a test can show all of it.

use crate::{
    Container, Count, Environment, Job, Legs, Plan, Pool, Rollout, Stage, Step, Variable,
    VariableGroup, VariableValue, condition::Condition, demands::Demand,
};

/// What decides what runs, one thing a line; what is as usual is left out.
pub(crate) fn outline(plan: &Plan) -> String {
    let mut out = Vec::new();
    if let Some(name) = &plan.name {
        out.push(format!("name {name}"));
    }
    if let Some(lock) = plan.lock_behavior {
        out.push(format!("lock {lock:?}"));
    }
    for repository in &plan.repositories {
        out.push(format!(
            "repository {} = {} at {}",
            repository.alias,
            repository.name.as_deref().unwrap_or("?"),
            repository.reference.as_deref().unwrap_or("default branch")
        ));
    }
    for resource in &plan.resources {
        let definition = serde_json::Value::Object(resource.definition.clone());
        out.push(format!("{} {} {definition}", resource.kind, resource.alias));
    }
    variables("", &plan.variables, &plan.groups, &mut out);
    for one in &plan.stages {
        stage(one, &mut out);
    }
    out.join("\n")
}

fn stage(stage: &Stage, out: &mut Vec<String>) {
    let mut line = format!("stage {} '{}'", stage.name, stage.display_name);
    after(&stage.depends_on, &mut line);
    when(&stage.condition, &mut line);
    if let Some(lock) = stage.lock_behavior {
        line += &format!(", lock {lock:?}");
    }
    if stage.trigger != crate::StageTrigger::Automatic {
        line += ", by hand";
    }
    if !stage.is_skippable {
        line += ", not skippable";
    }
    out.push(line);
    variables("  ", &stage.variables, &stage.groups, out);
    for one in &stage.jobs {
        job(one, out);
    }
}

fn job(job: &Job, out: &mut Vec<String>) {
    let mut line = format!("  job {} '{}'", job.identifier, job.display_name);
    after(&job.depends_on, &mut line);
    when(&job.condition, &mut line);
    pool(job.pool.as_ref(), &job.demands, &mut line);
    if let Some(minutes) = job.timeout_in_minutes {
        line += &format!(", {minutes} min");
    }
    if let Some(clean) = job.workspace {
        line += &format!(", clean {clean:?}");
    }
    if let Some(of) = &job.container {
        line += &format!(", in {}", container(of));
    }
    for service in &job.services {
        line += &format!(
            ", beside {} = {}",
            service.name,
            container(&service.container)
        );
    }
    if let Some(deployment) = &job.deployment {
        line += &format!(
            ", to {} {}",
            environment(&deployment.environment),
            match &deployment.rollout {
                Rollout::RunOnce => "once".to_owned(),
                Rollout::Rolling { max_parallel } => format!("rolling {max_parallel:?}"),
                Rollout::Canary { increments } => format!("canary {increments:?}"),
            }
        );
    }
    out.push(line);
    variables("    ", &job.variables, &job.groups, out);
    if let Some(strategy) = &job.strategy {
        if let Some(most) = &strategy.max_parallel {
            let most = match most {
                Count::Fixed(number) => number.to_string(),
                Count::Expression(text) => format!("$[{}]", text.as_str()),
            };
            out.push(format!("    at most {most} at once"));
        }
        match &strategy.legs {
            Legs::Named(legs) => {
                for leg in legs {
                    out.push(format!("    leg {} '{}'", leg.identifier, leg.display_name));
                    variables("      ", &leg.variables, &[], out);
                }
            }
            Legs::Matrix(text) => out.push(format!("    legs of $[{}]", text.as_str())),
            Legs::Slices(text) => out.push(format!("    $[{}] slices", text.as_str())),
        }
    }
    for one in &job.steps {
        step(one, out);
    }
    for hook in job.deployment.iter().flat_map(|own| &own.hooks) {
        let mut line = format!("    hook {:?}", hook.name);
        pool(hook.pool.as_ref(), &hook.demands, &mut line);
        out.push(line);
        for one in &hook.steps {
            step(one, out);
        }
    }
}

fn step(step: &Step, out: &mut Vec<String>) {
    let inputs: Vec<String> = step
        .inputs
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let mut line = format!(
        "    step {} {}@{} {}",
        step.reference_name,
        step.task.name,
        step.task.version.major,
        inputs.join(" ")
    );
    when(&step.condition, &mut line);
    if let Some(target) = &step.target {
        line += &format!(", target {target:?}");
    }
    out.push(line);
}

fn variables(indent: &str, list: &[Variable], groups: &[VariableGroup], out: &mut Vec<String>) {
    for (place, variable) in list.iter().enumerate() {
        for group in groups.iter().filter(|group| group.after == place) {
            out.push(format!("{indent}group {}", group.name));
        }
        let value = match &variable.value {
            VariableValue::Text(text) => format!("{text:?}"),
            VariableValue::Expression(text) => format!("$[{}]", text.as_str()),
        };
        let fixed = if variable.read_only {
            ", read-only"
        } else {
            ""
        };
        out.push(format!("{indent}{} = {value}{fixed}", variable.name));
    }
    for group in groups.iter().filter(|group| group.after >= list.len()) {
        out.push(format!("{indent}group {}", group.name));
    }
}

fn after(names: &[String], line: &mut String) {
    if !names.is_empty() {
        *line += &format!(" after {}", names.join(", "));
    }
}

fn when(condition: &Condition, line: &mut String) {
    let text = condition.to_string();
    if text != "succeeded()" {
        *line += &format!(", when {text}");
    }
}

fn pool(pool: Option<&Pool>, demands: &[Demand], line: &mut String) {
    match pool {
        Some(Pool::Server) => *line += ", on the server",
        Some(Pool::Agents { name, vm_image }) => {
            for of in [name, vm_image].into_iter().flatten() {
                *line += &format!(", pool {of}");
            }
        }
        None => {}
    }
    for demand in demands {
        *line += &format!(", demands {demand}");
    }
}

fn container(of: &Container) -> String {
    match of {
        Container::Image { image, options } if options.is_empty() => image.clone(),
        Container::Image { image, options } => {
            format!("{image} {}", serde_json::Value::Object(options.clone()))
        }
        Container::Expression(text) => format!("$[{}]", text.as_str()),
    }
}

fn environment(of: &Environment) -> String {
    let mut text = of.name.clone();
    for part in [&of.resource_name, &of.resource_id, &of.resource_type] {
        text.extend(part.iter().map(|part| format!("/{part}")));
    }
    if !of.tags.is_empty() {
        text += &format!(" tagged {}", of.tags.join("+"));
    }
    text
}
