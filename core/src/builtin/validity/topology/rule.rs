//! Rules as they are written, and what is wrong with them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    ID, TopologyConfig, mask,
    measures::{self, Enclosure, Outside},
};
use crate::{
    builtin::setting_error,
    component::{ComponentError, ErrorKind, Result},
    domain::{AcceptedRange, Finding, LabelMap},
    measure::{Connectivity, Mask, Part},
};

/// Labels by the names that rules use.
pub(super) type Structures = BTreeMap<String, OneOrMany<u8>>;

/// A value, or a list of them.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected one value or a list of them")]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// What a rule measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Measure {
    Components,
    OutsideLargest,
    Holes,
    Gaps,
    Size,
    Ratio,
    Inside,
    Contact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Joined {
    Full,
    Faces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum WhatIsOutside {
    Border,
    FirstVoxel,
}

/// A rule as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// What the finding is called; made of the rule if left out.
    name: Option<String>,
    /// What is measured.
    measure: Measure,
    /// The structure that is measured, or several that are taken as one.
    of: OneOrMany<String>,
    /// What `ratio`, `inside` and `contact` compare it with.
    with: Option<OneOrMany<String>>,
    /// Smallest accepted value; any below, if left out.
    min: Option<f64>,
    /// Largest accepted value; any above, if left out.
    max: Option<f64>,
    /// What joins two voxels of a piece; `faces` for holes and gaps, else `full`, if left out.
    connectivity: Option<Joined>,
    /// Where the outside of holes and gaps begins; `border` if left out.
    outside: Option<WhatIsOutside>,
    /// A size up to this, mm2 or mm3, is taken as nothing.
    ignore_up_to: Option<f64>,
    /// Whether each slice or frame is measured on its own.
    #[serde(default)]
    slices: bool,
}

/// A rule that can be followed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    name: String,
    measure: Measure,
    /// The labels of each structure of `of`.
    of: Vec<Vec<u8>>,
    of_name: String,
    /// The labels of `with`.
    with: Vec<u8>,
    with_name: String,
    accepted: AcceptedRange,
    connectivity: Connectivity,
    outside: Outside,
    ignore_up_to: f64,
    pub slices: bool,
}

/// Reads all rules.
///
/// # Errors
/// The first that cannot be followed, with its number and name.
pub(super) fn read(config: &TopologyConfig) -> Result<Vec<Rule>> {
    for (name, labels) in &config.structures {
        if labels.as_slice().is_empty() {
            return Err(setting_error(ID, &format!("structures.{name}"), "an empty list", "a label or several"));
        }
    }
    if config.rules.is_empty() {
        return Err(setting_error(ID, "rules", "empty", "at least one [[validity.rules]] table"));
    }
    let read = |(number, value): (usize, &serde_json::Value)| {
        let name = value.get("name").and_then(|name| name.as_str()).map(|name| format!(" (`{name}`)"));
        let which = format!("`core/{ID}`: rule {}{}", number + 1, name.unwrap_or_default());
        let written = Written::deserialize(value).map_err(|error| faulty(error.to_string()));
        written.and_then(|written| written.check(&config.structures)).map_err(|error| error.context(which))
    };
    config.rules.iter().enumerate().map(read).collect()
}

impl Written {
    fn check(self, structures: &Structures) -> Result<Rule> {
        let of: Vec<Vec<u8>> =
            self.of.as_slice().iter().map(|name| labels("of", name, structures)).collect::<Result<_>>()?;
        if of.is_empty() {
            return Err(faulty("`of` is an empty list; expected a structure"));
        }
        self.check_range()?;
        self.check_keys(of.len())?;
        let with = self.with.as_ref().map_or(&[][..], OneOrMany::as_slice);
        let connectivity = match (self.connectivity, self.measure) {
            (Some(Joined::Full), _) => Connectivity::Full,
            (Some(Joined::Faces), _) | (None, Measure::Holes | Measure::Gaps) => Connectivity::Faces,
            (None, _) => Connectivity::Full,
        };
        let (of_name, with_name) = (self.of.as_slice().join("_and_"), with.join("_and_"));
        Ok(Rule {
            name: self.name.unwrap_or_else(|| default_name(self.measure, &of_name, &with_name)),
            measure: self.measure,
            of,
            of_name,
            with: with.iter().map(|name| labels("with", name, structures)).collect::<Result<Vec<_>>>()?.concat(),
            with_name,
            accepted: AcceptedRange { min: self.min, max: self.max },
            connectivity,
            outside: match self.outside {
                Some(WhatIsOutside::FirstVoxel) => Outside::FirstVoxel,
                Some(WhatIsOutside::Border) | None => Outside::Border,
            },
            ignore_up_to: self.ignore_up_to.unwrap_or(0.0),
            slices: self.slices,
        })
    }

    fn check_range(&self) -> Result<()> {
        match (self.min, self.max) {
            (None, None) => Err(faulty("it has neither `min` nor `max`, so it would accept everything; set one")),
            (Some(min), Some(max)) if min > max => {
                Err(faulty(format!("min is {min}, max is {max}; expected min ≤ max")))
            }
            _ => Ok(()),
        }
    }

    /// Whether the keys go with the measure.
    fn check_keys(&self, structures: usize) -> Result<()> {
        let has_two = matches!(self.measure, Measure::Ratio | Measure::Inside | Measure::Contact);
        let encloses = matches!(self.measure, Measure::Holes | Measure::Gaps);
        let is_size = encloses || self.measure == Measure::OutsideLargest;
        let joins = is_size || self.measure == Measure::Components;
        match self {
            Self { with: None, .. } if has_two => Err(faulty("it lacks `with`: what `of` is compared with")),
            Self { with: Some(_), .. } if !has_two => Err(faulty("it has `with`, which this measure does not use")),
            Self { connectivity: Some(_), .. } if !joins => {
                Err(faulty("it has `connectivity`, which this measure does not use"))
            }
            Self { outside: Some(_), .. } if !encloses => {
                Err(faulty("it has `outside`, which this measure does not use"))
            }
            Self { ignore_up_to: Some(_), .. } if !is_size => {
                Err(faulty("it has `ignore_up_to`, which this measure does not use"))
            }
            Self { ignore_up_to: Some(size), .. } if !(size.is_finite() && *size >= 0.0) => {
                Err(faulty(format!("ignore_up_to is {size}; expected mm² or mm³ from 0 on")))
            }
            Self { measure: Measure::Gaps, .. } if structures < 2 => {
                Err(faulty("`of` names one structure; gaps are between two or more: expected a list"))
            }
            _ => Ok(()),
        }
    }
}

fn labels(key: &str, name: &str, structures: &Structures) -> Result<Vec<u8>> {
    structures.get(name).map(|labels| labels.as_slice().to_vec()).ok_or_else(|| {
        let known: Vec<&str> = structures.keys().map(String::as_str).collect();
        faulty(format!("`{key}` names `{name}`; expected one of `structures` ({})", known.join(", ")))
    })
}

fn default_name(measure: Measure, of: &str, with: &str) -> String {
    match measure {
        Measure::Components => format!("components_of_{of}"),
        Measure::OutsideLargest => format!("outside_largest_of_{of}"),
        Measure::Holes => format!("holes_in_{of}"),
        Measure::Gaps => format!("gaps_between_{of}"),
        Measure::Size => format!("size_of_{of}"),
        Measure::Ratio => format!("ratio_of_{of}_to_{with}"),
        Measure::Inside => format!("share_of_{of}_inside_{with}"),
        Measure::Contact => format!("contact_of_{of}_with_{with}"),
    }
}

fn faulty(message: impl Into<String>) -> ComponentError {
    ComponentError::new(ErrorKind::Configuration, message)
}

impl Rule {
    pub fn assess(&self, labels: &LabelMap, part: &Part) -> Finding {
        let each: Vec<Mask> = self.of.iter().map(|values| mask(labels, part, values)).collect();
        let of = mask(labels, part, &self.of.concat());
        let with = mask(labels, part, &self.with);
        let scale = measures::Scale::of(part);
        let enclosure = Enclosure { connectivity: self.connectivity, outside: self.outside };
        let size = |mask: &Mask| scale.size(mask.count());
        let of_noise = |found: f64| if found <= self.ignore_up_to { 0.0 } else { found };
        let measured = match self.measure {
            Measure::Components => Some(measures::components(&of, self.connectivity) as f64),
            Measure::OutsideLargest => Some(of_noise(scale.size(measures::outside_largest(&of, self.connectivity)))),
            Measure::Holes => Some(of_noise(size(&measures::holes(&of, enclosure)))),
            Measure::Gaps => Some(of_noise(size(&measures::gaps(&each, enclosure)))),
            Measure::Size => Some(size(&of)),
            Measure::Ratio => share(size(&of), size(&with)),
            Measure::Inside => share(measures::inside(&of, &with) as f64, of.count() as f64),
            Measure::Contact => scale.contact(&of, &with),
        };
        let absent = if self.measure == Measure::Ratio { &self.with_name } else { &self.of_name };
        Finding {
            metric: self.name.clone(),
            value: measured,
            unit: self.unit(part).to_owned(),
            accepted: self.accepted,
            plane: None,
            note: measured.is_none().then(|| format!("there is no {absent}")),
        }
    }

    fn unit(&self, part: &Part) -> &'static str {
        match self.measure {
            Measure::Components | Measure::Ratio | Measure::Inside | Measure::Contact => "1",
            _ if part.planes.len() > 1 => "mm3",
            _ => "mm2",
        }
    }
}

fn share(of: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| of / whole)
}
