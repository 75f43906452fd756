//! The way back through the network, in the reverse order of the forward pass.

use super::{
    Architecture, Channels, HALVINGS, Keep, LAST_AT, Normalizing, PARAMETERS, Parameters, Run, SQUARE_TAPS, Trace,
    UNIT_TENSORS, Unit, in_pool, origin, unit_up, up_at,
};
use crate::nn::kernels::{
    convolution::{Convolution, Form, channels_of},
    filter::Filter,
    lanes::Isa,
    normalization::{self, channel_sums},
    planes::{Planes, Sink, Source},
    pooling::pool_backward,
    winograd::Tile,
};

/// The gradients to all parameters from that to the logits of a pass that normalised with its
/// batch's statistics.
///
/// # Panics
/// If there are not as many parameters or gradient values as the pass had.
#[must_use]
pub fn backward(
    isa: Isa,
    architecture: &Architecture,
    parameters: &[&[f32]],
    trace: &Trace,
    gradient: &[f32],
) -> Vec<Vec<f32>> {
    assert_eq!(parameters.len(), PARAMETERS);
    assert_eq!(gradient.len(), trace.extent.pixels() * architecture.output);
    let run = Run {
        isa,
        architecture,
        parameters: Parameters(parameters),
        normalizing: Normalizing::Batch,
        keep: Keep::ForGradient,
    };
    in_pool(|| run.backward(trace, gradient))
}

impl Run<'_> {
    fn backward(&self, trace: &Trace, gradient: &[f32]) -> Vec<Vec<f32>> {
        let mut gradients = vec![Vec::new(); PARAMETERS];
        let above = self.last_backward(trace, gradient, &mut gradients);
        let (skips, below) = self.up_backward(trace, above, &mut gradients);
        self.down_backward(trace, skips, below, &mut gradients);
        gradients
    }

    fn last_backward(&self, trace: &Trace, gradient: &[f32], gradients: &mut [Vec<f32>]) -> Planes {
        let classes = self.architecture.output;
        let gradient = Planes::of_channels_first(gradient, trace.extent, classes);
        let channels = Channels::new(&[self.architecture.level(0)], &[classes]);
        let [weight, _] = self.parameters.last();
        let filter = channels.filter(weight, 1);
        let unit = &trace.up[HALVINGS - 1][1];
        let output = Source::plain(&gradient);
        gradients[LAST_AT] = Convolution { isa: self.isa, form: Form::POINT, extent: trace.extent }.weight_gradient(
            &[unit.source()],
            &output,
            &filter,
        );
        gradients[LAST_AT + 1] = channel_sums(&gradient, classes);
        let mut below = Planes::any(trace.extent, self.architecture.level(0));
        let sinks = &mut [Sink::whole(&mut below)];
        Convolution { isa: self.isa, form: Form::POINT, extent: trace.extent }.run(
            &[output],
            &filter.backward(),
            None,
            sinks,
        );
        below
    }

    /// Gradients to what the skip connections carried, from the first level on, and to the
    /// lowest level's result.
    fn up_backward(&self, trace: &Trace, mut gradient: Planes, gradients: &mut [Vec<f32>]) -> (Vec<Planes>, Planes) {
        let mut skips = Vec::with_capacity(HALVINGS);
        for step in (0..HALVINGS).rev() {
            let level = HALVINGS - 1 - step;
            let [first, second] = &trace.up[step];
            let unit = unit_up(step);
            let between = self.second_backward(unit + 1, level, (first, second), gradient, gradients);

            let skip = &trace.down[level][1];
            let upsampled = &trace.upsampled[step];
            let place = origin(skip.planes.extent, upsampled.extent);
            let sources = [skip.source(), Source::plain(upsampled).at(place)];
            let channels = self.square_channels(&[level, level], level);
            let filter = channels.filter(self.parameters.unit(unit).weight, SQUARE_TAPS);
            let mut to_skip = Planes::any(skip.planes.extent, self.architecture.level(level));
            let mut to_upsampled = Planes::any(upsampled.extent, self.architecture.level(level));
            let sinks = &mut [Sink::whole(&mut to_skip), Sink { planes: &mut to_upsampled, origin: place }];
            let form = Form::square(first.planes.extent, Tile::Four);
            self.unit_backward(unit, form, first, between, (&sources, &filter), sinks, gradients);
            skips.push(to_skip);

            let below = if step == 0 { &trace.down[HALVINGS][1] } else { &trace.up[step - 1][1] };
            gradient = self.upsample_backward(step, below, &to_upsampled, gradients);
        }
        (skips, gradient)
    }

    fn upsample_backward(&self, step: usize, below: &Unit, gradient: &Planes, gradients: &mut [Vec<f32>]) -> Planes {
        let level = HALVINGS - 1 - step;
        let channels = self.square_channels(&[level + 1], level);
        let [weight, _] = self.parameters.up(step);
        let filter = channels.transposed(weight);
        let extent = below.planes.extent;
        let output = Source::plain(gradient);
        gradients[up_at(step)] =
            Convolution { isa: self.isa, form: Form::UP, extent }.weight_gradient(&[below.source()], &output, &filter);
        gradients[up_at(step) + 1] = channel_sums(gradient, self.architecture.level(level));
        let mut to_below = Planes::any(extent, self.architecture.level(level + 1));
        let sinks = &mut [Sink::whole(&mut to_below)];
        Convolution { isa: self.isa, form: Form::DOWN, extent }.run(&[output], &filter.backward(), None, sinks);
        to_below
    }

    fn down_backward(&self, trace: &Trace, mut skips: Vec<Planes>, mut gradient: Planes, gradients: &mut [Vec<f32>]) {
        for level in (0..=HALVINGS).rev() {
            let [first, second] = &trace.down[level];
            let between = self.second_backward(2 * level + 1, level, (first, second), gradient, gradients);
            if level == 0 {
                let channels = Channels::new(&[self.architecture.input * SQUARE_TAPS], &[self.architecture.level(0)]);
                let filter = channels.filter(self.parameters.unit(0).weight, 1);
                let sources = [Source::plain(&trace.patches)];
                self.unit_backward(0, Form::POINT, first, between, (&sources, &filter), &mut [], gradients);
                return;
            }
            let pooled = &trace.pooled[level - 1];
            let channels = self.square_channels(&[level - 1], level);
            let filter = channels.filter(self.parameters.unit(2 * level).weight, SQUARE_TAPS);
            let mut to_pooled = Planes::any(pooled.extent, self.architecture.level(level - 1));
            let sources = [Source::plain(pooled)];
            let sinks = &mut [Sink::whole(&mut to_pooled)];
            let form = Form::square(pooled.extent, Tile::Four);
            self.unit_backward(2 * level, form, first, between, (&sources, &filter), sinks, gradients);

            let above = &trace.down[level - 1][1];
            gradient = skips.remove(level - 1);
            pool_backward(self.isa, &above.planes, &above.activation, &to_pooled, &mut gradient);
        }
    }

    /// Gradient to the result of a level's first convolution.
    fn second_backward(
        &self,
        unit: usize,
        level: usize,
        (first, second): (&Unit, &Unit),
        gradient: Planes,
        gradients: &mut [Vec<f32>],
    ) -> Planes {
        let channels = self.square_channels(&[level], level);
        let filter = channels.filter(self.parameters.unit(unit).weight, SQUARE_TAPS);
        let form = Form::square(first.planes.extent, Tile::Four);
        let mut to_first = Planes::any(first.planes.extent, self.architecture.level(level));
        let sinks = &mut [Sink::whole(&mut to_first)];
        self.unit_backward(unit, form, second, gradient, (&[first.source()], &filter), sinks, gradients);
        to_first
    }

    /// From the gradient to a unit's result to those to its parameters and its sources; without
    /// sinks to its parameters alone.
    #[allow(clippy::too_many_arguments, reason = "what a unit is made of, and where its gradients go")]
    fn unit_backward(
        &self,
        index: usize,
        form: Form,
        unit: &Unit,
        mut gradient: Planes,
        (sources, filter): (&[Source<'_>], &Filter<'_>),
        sinks: &mut [Sink<'_>],
        gradients: &mut [Vec<f32>],
    ) {
        debug_assert_eq!(channels_of(sources), filter.k_channels.len());
        let parameters = self.parameters.unit(index);
        let scaling =
            normalization::backward(self.isa, &unit.planes, &mut gradient, &unit.statistics, &parameters.scaling);
        let output = Source::plain(&gradient);
        let extent = unit.planes.extent;
        let at = UNIT_TENSORS * index;
        gradients[at] = Convolution { isa: self.isa, form, extent }.weight_gradient(sources, &output, filter);
        // Normalisation takes a channel's mean away, and with it whatever a bias adds.
        gradients[at + 1] = vec![0.0; parameters.bias.len()];
        gradients[at + 2] = scaling.weight;
        gradients[at + 3] = scaling.bias;
        if !sinks.is_empty() {
            Convolution { isa: self.isa, form, extent }.run(&[output], &filter.backward(), None, sinks);
        }
    }
}
