use serde_json::Value;

/// What a person should know of a finished step, from its `step.json`: that no result of a collect step is held to be right.
pub fn about(summary: &Value) -> Option<String> {
    let outcomes = summary["outcomes"].as_object()?;
    let count = |outcome: &str| outcomes.get(outcome).and_then(Value::as_u64).unwrap_or(0);
    if count("accepted") > 0 {
        return None;
    }
    Some(format!(
        "warning: of {} target images no result is valid and as its correction is; {} were corrected. What is learnt now rests on \
         corrections alone. Look at the target with `rl4seg data inspect`, at [preprocess] and [[validity]], or pretrain longer",
        summary["cases"],
        count("corrected")
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_collect_step_without_a_valid_result_is_warned_of() {
        assert_eq!(about(&json!({ "epochs": 3 })), None);
        assert_eq!(about(&json!({ "cases": 6, "outcomes": { "accepted": 1, "corrected": 5 } })), None);
        let warning = about(&json!({ "cases": 6, "outcomes": { "corrected": 2, "discarded: empty": 4 } })).unwrap();
        assert!(warning.contains("of 6 target images") && warning.contains("2 were corrected"), "{warning}");
    }
}
