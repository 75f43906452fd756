/// Bytes that networks under training take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingMemory {
    /// Of weights, of what optimisers have accumulated, and of frozen copies.
    pub held: u64,
    /// Of one step.
    pub step: u64,
}

/// Bytes that networks take without gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InferenceMemory {
    /// Of the weights of all networks that are held, whether they are used or not.
    pub weights: u64,
    /// Of one forward pass.
    pub pass: u64,
    /// The part of `pass` that the pass of another network over the same images does not use again.
    pub unshared: u64,
}
