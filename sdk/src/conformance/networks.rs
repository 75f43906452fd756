use rand::RngExt;

use super::{Coverage, require, steady};
use crate::{
    component::{
        Channels, DifferentiableNetwork, NetworkArchitecture, NetworkDescription, NetworkInput, NetworkOutput,
        ParameterInfo, ParameterRole, Resolved, Result, Statistics, check_gradients,
    },
    domain::Seed,
    random::generator,
};

/// Those of actor, critic and reward network of one image channel, and of an actor of two.
const ASKED: [Channels; 4] = [channels(1, 3), channels(1, 1), channels(2, 1), channels(2, 2)];

const fn channels(input: usize, output: usize) -> Channels {
    Channels { input, output }
}

/// An architecture gives layers that fit together for the channels of every network of the loop, the same each time.
///
/// # Errors
/// The first broken promise.
pub fn check_network_architecture(architecture: &(impl NetworkArchitecture + ?Sized)) -> Result<Coverage> {
    let mut coverage = Coverage::default();
    for channels in ASKED {
        let what = format!("{channels:?}");
        let layers = steady(|| architecture.architecture(channels)).map_err(|error| error.context(what.clone()))?;
        if let Some(layers) = &layers {
            layers.resolve(channels).map(|_: Resolved| ()).map_err(|error| error.context(what))?;
        }
        coverage.add(layers.is_some());
    }
    Ok(coverage)
}

/// A network answers for the channels of every network of the loop, the same each time and by any number of threads; for
/// one plane what does not depend on the others, where normalisation layers use what they have seen; and its gradients
/// are those of what it answers, by finite differences.
///
/// # Errors
/// The first broken promise.
pub fn check_differentiable_network(network: &(impl DifferentiableNetwork + ?Sized)) -> Result<Coverage> {
    let mut coverage = Coverage::default();
    for channels in ASKED {
        let checked = check(network, channels).map_err(|error| error.context(format!("{channels:?}")));
        coverage.add(checked?);
    }
    Ok(coverage)
}

/// Whether there is a network of these channels.
fn check(network: &(impl DifferentiableNetwork + ?Sized), channels: Channels) -> Result<bool> {
    let Some(description) = steady(|| network.describe(channels))? else { return Ok(false) };
    description.check()?;
    let question = Question::new(channels, &description);
    for statistics in [Statistics::Running, Statistics::Batch] {
        let parameters = question.parameters.clone();
        let answer = || question.forward(network, &parameters, statistics);
        steady(answer)?;
        answer().map_err(|error| error.context("images of the size that it asks for"))?;
    }
    question.require_planes_alone(network)?;
    question.require_gradients(network)?;
    Ok(true)
}

/// Two planes and drawn parameters.
struct Question<'a> {
    channels: Channels,
    description: &'a NetworkDescription,
    parameters: Vec<Vec<f32>>,
    images: Vec<f32>,
    side: usize,
}

impl<'a> Question<'a> {
    fn new(channels: Channels, description: &'a NetworkDescription) -> Self {
        let side = description.least_side.max(8);
        let draw = |name: &str, len: usize, [low, high]: [f32; 2]| -> Vec<f32> {
            let mut stream = generator(Seed(0).named(name));
            (0..len).map(|_| stream.random_range(low..high)).collect()
        };
        let parameters = description.parameters.iter().map(|info| {
            let range = match info.role {
                ParameterRole::Scale | ParameterRole::RunningVariance => [0.5, 1.5],
                _ => [-0.5, 0.5],
            };
            draw(&info.name, info.len(), range)
        });
        let parameters = parameters.collect();
        let images = draw("images", 2 * channels.input * side * side, [0.0, 1.0]);
        Self { channels, description, parameters, images, side }
    }

    fn ask<R>(
        &self,
        parameters: &[Vec<f32>],
        planes: usize,
        statistics: Statistics,
        ask: impl FnOnce(&NetworkInput<'_>) -> Result<R>,
    ) -> Result<R> {
        let parameters: Vec<&[f32]> = parameters.iter().map(Vec::as_slice).collect();
        let images = &self.images[..planes * self.channels.input * self.side * self.side];
        let (channels, shape) = (self.channels, [planes, self.side, self.side]);
        ask(&NetworkInput { channels, parameters: &parameters, images, shape, statistics })
    }

    fn forward(
        &self,
        network: &(impl DifferentiableNetwork + ?Sized),
        parameters: &[Vec<f32>],
        statistics: Statistics,
    ) -> Result<NetworkOutput> {
        self.ask(parameters, 2, statistics, |input| {
            let output = network.forward(input)?;
            output.check(input, self.description)?;
            Ok(output)
        })
    }

    fn require_planes_alone(&self, network: &(impl DifferentiableNetwork + ?Sized)) -> Result<()> {
        let both = self.forward(network, &self.parameters, Statistics::Running)?.logits;
        let alone = self.ask(&self.parameters, 1, Statistics::Running, |input| network.forward(input))?.logits;
        let largest = both.iter().fold(1.0_f32, |largest, value| largest.max(value.abs()));
        let differ = alone.iter().zip(&both).any(|(alone, beside)| (alone - beside).abs() > 1e-4 * largest);
        require(!differ, || "the logits of a plane depend on the planes beside it".to_owned())
    }

    /// Σ slope · logits along a drawn direction of each parameter, against what the gradient says.
    fn require_gradients(&self, network: &(impl DifferentiableNetwork + ?Sized)) -> Result<()> {
        let logits = self.forward(network, &self.parameters, Statistics::Batch)?.logits;
        let mut stream = generator(Seed(0).named("slope"));
        let slope: Vec<f32> = logits.iter().map(|_| stream.random_range(-1.0..1.0)).collect();
        let gradients = self.ask(&self.parameters, 2, Statistics::Batch, |input| network.backward(input, &slope))?;
        check_gradients(&gradients, self.description)?;
        let learning = self.description.parameters.iter().enumerate().filter(|(_, info)| info.role.learns());
        for ((index, info), gradient) in learning.zip(&gradients) {
            let direction: Vec<f32> = gradient.iter().map(|_| stream.random_range(-1.0..1.0)).collect();
            self.require_slope(network, &slope, (index, info), [gradient, &direction])?;
        }
        Ok(())
    }

    fn require_slope(
        &self,
        network: &(impl DifferentiableNetwork + ?Sized),
        slope: &[f32],
        (index, info): (usize, &ParameterInfo),
        [gradient, direction]: [&[f32]; 2],
    ) -> Result<()> {
        const STEP: f32 = 1.0 / 256.0;
        let moved = |step: f32| -> Result<f64> {
            let mut parameters = self.parameters.clone();
            parameters[index].iter_mut().zip(direction).for_each(|(value, along)| *value += step * along);
            let logits = self.forward(network, &parameters, Statistics::Batch)?.logits;
            Ok(dot(&logits, slope))
        };
        let (back, here, forth) = (moved(-STEP)?, moved(0.0)?, moved(STEP)?);
        let found = dot(gradient, direction);
        let [before, after] = [here - back, forth - here].map(|difference| difference / f64::from(STEP));
        // Where slopes on both sides differ, a kink (ReLU, max-pooling) lies between, and anything from one to the other is right.
        let slack = 0.02 * before.abs().max(after.abs()) + 0.02;
        let within = found >= before.min(after) - slack && found <= before.max(after) + slack;
        require(within, || {
            format!(
                "the gradient of `{}` says {found:.4} along a direction where its logits change by {before:.4} to {after:.4}",
                info.name
            )
        })
    }
}

fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
