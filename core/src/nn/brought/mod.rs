//! Networks that a plugin brings: their parameters, as one list, and who computes with them.

mod layers;

use std::{fmt, sync::Arc};

use burn::{
    module::{Module, Param, ParamId},
    optim::GradientsParams,
    tensor::{Device, Gradients, Tensor, TensorData},
};

use super::{
    batch::finite_values,
    batch_norm::{Moments, Normalization, blended},
};
use crate::{
    component::{
        Channels, ComponentError, DifferentiableNetwork, ErrorKind, NetworkArchitecture, NetworkDescription,
        NetworkInput, ParameterInfo, ParameterRole, Resolved, Result, Statistics, check_gradients,
    },
    config::Precision,
};

/// A network of a plugin.
#[derive(Module, Debug)]
pub(super) struct Brought {
    /// As the description lists them, each in C order.
    parameters: Vec<Param<Tensor<1>>>,
    #[module(skip)]
    description: Arc<NetworkDescription>,
    #[module(skip)]
    work: Work,
}

/// Who computes.
#[derive(Clone)]
enum Work {
    /// Layers of ours.
    Layers { resolved: Arc<Resolved>, precision: Precision },
    /// The plugin.
    Function { function: Arc<dyn DifferentiableNetwork>, channels: Channels },
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layers { resolved, .. } => f.debug_tuple("Layers").field(resolved).finish(),
            Self::Function { channels, .. } => f.debug_tuple("Function").field(channels).finish(),
        }
    }
}

/// Images on the host, `[plane, channel, y, x]`.
pub(super) struct Planes {
    values: Vec<f32>,
    shape: [usize; 3],
}

impl Planes {
    fn of(images: Tensor<4>) -> Result<Self> {
        let [planes, _, height, width] = images.dims();
        Ok(Self { values: finite_values("an image", images)?, shape: [planes, height, width] })
    }
}

impl Brought {
    /// The layers that a plugin describes.
    ///
    /// # Errors
    /// If there are none for these channels, or they do not fit together.
    pub fn built(
        architecture: &dyn NetworkArchitecture,
        channels: Channels,
        precision: Precision,
        device: &Device,
    ) -> Result<Self> {
        let resolved = architecture.architecture(channels)?.resolve(channels)?;
        let description = Arc::new(resolved.description.clone());
        Ok(Self::new(description, Work::Layers { resolved: Arc::new(resolved), precision }, device))
    }

    /// A function of a plugin's.
    ///
    /// # Errors
    /// If there is none for these channels, or its parameters cannot be.
    pub fn computed(function: &Arc<dyn DifferentiableNetwork>, channels: Channels, device: &Device) -> Result<Self> {
        let description = function.describe(channels)?;
        description.check()?;
        Ok(Self::new(Arc::new(description), Work::Function { function: Arc::clone(function), channels }, device))
    }

    fn new(description: Arc<NetworkDescription>, work: Work, device: &Device) -> Self {
        let parameters = description.parameters.iter().map(|info| {
            let start = match info.role {
                ParameterRole::Scale | ParameterRole::RunningVariance => 1.0,
                _ => 0.0,
            };
            let values = Tensor::from_data(TensorData::new(vec![start; info.len()], [info.len()]), device);
            Param::from_tensor(values).set_require_grad(info.role.learns())
        });
        Self { parameters: parameters.collect(), description, work }
    }

    /// What is known of each parameter, in their order.
    pub fn infos(&self) -> &[ParameterInfo] {
        &self.description.parameters
    }

    pub fn least_side(&self) -> usize {
        self.description.least_side
    }

    pub fn scaling_ids(&self) -> Vec<ParamId> {
        let scaling = |role| matches!(role, ParameterRole::Scale | ParameterRole::Shift);
        let both = self.infos().iter().zip(&self.parameters);
        both.filter(|(info, _)| scaling(info.role)).map(|(_, parameter)| parameter.id).collect()
    }

    /// Logits, with gradients where the parameters have some and layers of ours compute.
    pub fn forward(&self, images: Tensor<4>, normalization: &mut Normalization) -> Result<Tensor<4>> {
        match &self.work {
            Work::Layers { resolved, precision } => {
                Ok(layers::forward(resolved, &self.parameters, images, (normalization, *precision)))
            }
            Work::Function { .. } => {
                let device = images.device();
                self.ask(&Planes::of(images)?, normalization, &device)
            }
        }
    }

    /// The same; where the plugin computes, with what [`Brought::gradients`] needs.
    pub fn forward_tracked(
        &self,
        images: Tensor<4>,
        normalization: &mut Normalization,
    ) -> Result<(Tensor<4>, Option<(Planes, Tensor<4>)>)> {
        match &self.work {
            Work::Layers { .. } => Ok((self.forward(images, normalization)?, None)),
            Work::Function { .. } => {
                let device = images.device();
                let planes = Planes::of(images)?;
                let logits = self.ask(&planes, normalization, &device)?.require_grad();
                Ok((logits.clone(), Some((planes, logits))))
            }
        }
    }

    fn ask(&self, planes: &Planes, normalization: &mut Normalization, device: &Device) -> Result<Tensor<4>> {
        let statistics = match normalization {
            Normalization::Running => Statistics::Running,
            Normalization::Batch(_) => Statistics::Batch,
        };
        let (output, channels) = self.with_input(planes, statistics, |function, input| {
            let output = function.forward(input)?;
            output.check(input, &self.description)?;
            Ok((output, input.channels))
        })?;
        if let Normalization::Batch(moments) = normalization {
            let tensor = |values: &Vec<f32>| Tensor::from_floats(values.as_slice(), device);
            let pairs = output.seen.chunks_exact(2);
            moments.extend(pairs.map(|pair| Moments { mean: tensor(&pair[0]), variance: tensor(&pair[1]) }));
        }
        let [planes, height, width] = planes.shape;
        let data = TensorData::new(output.logits, [planes, channels.output, height, width]);
        Ok(Tensor::from_data(data, device))
    }

    /// The gradients of the parameters, where the plugin computes: `asked` and `answer` are those of
    /// [`Brought::forward_tracked`], `gradients` those of everything behind the answer.
    ///
    /// # Errors
    /// If the plugin fails, or gives what are no gradients.
    pub fn gradients(&self, (asked, answer): &(Planes, Tensor<4>), gradients: &Gradients) -> Result<GradientsParams> {
        let slope = answer.grad(gradients).ok_or_else(|| {
            ComponentError::new(ErrorKind::Other, "the loss does not depend on what the network gave")
        })?;
        let slope = finite_values("the loss's slope", slope)?;
        let found = self.with_input(asked, Statistics::Batch, |function, input| {
            let found = function.backward(input, &slope)?;
            check_gradients(&found, &self.description)?;
            Ok(found)
        })?;
        let mut named = GradientsParams::new();
        let learning = self.infos().iter().zip(&self.parameters).filter(|(info, _)| info.role.learns());
        for ((info, parameter), values) in learning.zip(found) {
            let device = parameter.val().device().inner();
            named.register(parameter.id, Tensor::<1>::from_data(TensorData::new(values, [info.len()]), &device));
        }
        Ok(named)
    }

    fn with_input<R>(
        &self,
        planes: &Planes,
        statistics: Statistics,
        ask: impl FnOnce(&dyn DifferentiableNetwork, &NetworkInput<'_>) -> Result<R>,
    ) -> Result<R> {
        let Work::Function { function, channels } = &self.work else {
            return Err(ComponentError::new(ErrorKind::Other, "the network is made of layers, not a function"));
        };
        let values: Vec<Vec<f32>> = self.parameters.iter().map(|parameter| values_of(&parameter.val())).collect();
        let parameters: Vec<&[f32]> = values.iter().map(Vec::as_slice).collect();
        let (images, shape) = (planes.values.as_slice(), planes.shape);
        ask(
            function.as_ref(),
            &NetworkInput { channels: *channels, parameters: &parameters, images, shape, statistics },
        )
    }

    /// Moves all running statistics towards what a forward pass saw.
    pub fn absorb(&mut self, moments: Vec<Moments>) {
        let means = self.description.parameters.iter().enumerate();
        let means = means.filter(|(_, info)| info.role == ParameterRole::RunningMean).map(|(index, _)| index);
        for (index, seen) in means.zip(moments) {
            let [mean, variance] = [index, index + 1].map(|place| self.parameters[place].clone());
            self.parameters[index] = blended(mean, seen.mean);
            self.parameters[index + 1] = blended(variance, seen.variance);
        }
    }
}

fn values_of(tensor: &Tensor<1>) -> Vec<f32> {
    tensor.to_data().iter::<f32>().collect()
}
