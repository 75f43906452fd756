/// What entropy-coded data can be found to lack. Small, since every sample may come to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    CutShort,
    LongCode,
    LongRun,
    LargeError,
    TooLong,
}

impl Damage {
    fn said(self) -> &'static str {
        match self {
            Self::CutShort => "end before their last sample",
            Self::LongCode => "hold a code that is longer than LIMIT allows",
            Self::LongRun => "hold a run that goes on beyond its line",
            Self::LargeError => "hold an error of prediction that is larger than RANGE",
            Self::TooLong => "go on after their last sample",
        }
    }

    /// As a sentence about the given line, counted from 0.
    pub(super) fn at(self, line: usize) -> String {
        format!(
            "its JPEG-LS data {}, at line {}; they are damaged: copy or download the file again",
            self.said(),
            line + 1
        )
    }
}
