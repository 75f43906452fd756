/// Declares the parameters of a phantom's two domains: one line each, with its meaning, its name, its distribution,
/// and its values in the source and in the target domain.
///
/// The struct gets the constants `SOURCE` and `TARGET`, and `at_severity`, which lies between and beyond them.
///
/// ```
/// use rl4seg_sdk::{domain_table, phantom::{Probability, Uniform, uniform}};
///
/// domain_table! {
///     /// A scanner and its patients.
///     pub struct Parameters;
///
///     /// Standard deviation of the noise.
///     noise: Uniform = uniform(0.01, 0.02) => uniform(0.03, 0.08);
///     /// Whether the patient moved.
///     motion: Probability = Probability(0.0) => Probability(0.3);
/// }
///
/// assert_eq!(Parameters::at_severity(0.0), Parameters::SOURCE);
/// assert_eq!(Parameters::at_severity(2.0).motion, Probability(0.6));
/// ```
#[macro_export]
macro_rules! domain_table {
    (
        $(#[doc = $about:literal])+ $visibility:vis struct $table:ident;
        $($(#[doc = $doc:literal])+ $name:ident: $kind:ty = $source:expr => $target:expr;)+
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        $visibility struct $table {
            $($(#[doc = $doc])+ pub $name: $kind,)+
        }

        impl $table {
            /// The source domain.
            pub const SOURCE: Self = Self { $($name: $source,)+ };
            /// The target domain.
            pub const TARGET: Self = Self { $($name: $target,)+ };

            /// The domain at a distance from the source: `SOURCE` at 0, `TARGET` at 1, as much beyond it as
            /// `severity` says.
            #[must_use]
            pub fn at_severity(severity: f32) -> Self {
                Self { $($name: $crate::phantom::Between::between(Self::SOURCE.$name, Self::TARGET.$name, severity),)+ }
            }
        }
    };
}
