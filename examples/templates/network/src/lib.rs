//! A U-Net of three levels as data: `rl4seg` builds it from its own layers and trains it.

use rl4seg_sdk::prelude::*;

/// Two halvings, with skip connections.
struct SmallUnet {
    width: usize,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "rl4seg_sdk::schemars")]
struct SmallUnetConfig {
    /// Channels of the first level; each further one has twice as many.
    width: usize,
}

impl Component for SmallUnet {
    const ID: &'static str = "small-unet";
    const DOC: &'static str = "A U-Net of three levels";
    type Config = SmallUnetConfig;

    fn new(SmallUnetConfig { width }: SmallUnetConfig) -> Result<Self> {
        if !(1..=1024).contains(&width) {
            let message = format!("`width` is {width}; expected 1 to 1024");
            return Err(ComponentError::new(ErrorKind::Configuration, message));
        }
        Ok(Self { width })
    }
}

/// A convolution, a normalisation and a ReLU; the last is called `name`.
fn block(name: &str, from: &str, channels: usize) -> [Layer; 3] {
    let (convolution, normalization) = (format!("{name}.convolution"), format!("{name}.normalization"));
    [
        Layer::new(&convolution, &[from], Operation::Convolution { channels, kernel: 3 }),
        Layer::new(&normalization, &[&convolution], Operation::BatchNormalization),
        Layer::new(name, &[&normalization], Operation::Relu),
    ]
}

/// What `below` holds at the size of `skip`, beside it, and a block on both.
fn up(name: &str, below: &str, skip: &str, channels: usize) -> Vec<Layer> {
    let (larger, both) = (format!("{name}.larger"), format!("{name}.both"));
    let mut layers = vec![
        Layer::new(&larger, &[below, skip], Operation::Upsample { channels }),
        Layer::new(&both, &[skip, &larger], Operation::Concatenation),
    ];
    layers.extend(block(name, &both, channels));
    layers
}

impl NetworkArchitecture for SmallUnet {
    fn architecture(&self, channels: Channels) -> Result<Architecture> {
        let [first, second, third] = [1, 2, 4].map(|times| times * self.width);
        let mut layers = block("down1", "image", first).to_vec();
        layers.push(Layer::new("half", &["down1"], Operation::MaxPool));
        layers.extend(block("down2", "half", second));
        layers.push(Layer::new("quarter", &["down2"], Operation::MaxPool));
        layers.extend(block("bottom", "quarter", third));
        layers.extend(up("up2", "bottom", "down2", second));
        layers.extend(up("up1", "up2", "down1", first));
        let logits = Operation::Convolution { channels: channels.output, kernel: 1 };
        layers.push(Layer::new("logits", &["up1"], logits));
        Ok(Architecture::new(layers))
    }
}

export_plugin! {
    network_architectures: [SmallUnet];
}

#[cfg(test)]
mod tests {
    use rl4seg_sdk::conformance;

    use super::*;

    #[test]
    fn it_keeps_the_promises_of_an_architecture() {
        let coverage = conformance::check_network_architecture(&SmallUnet { width: 4 });
        assert!(coverage.is_ok_and(|coverage| coverage.answered == coverage.asked));
        conformance::check_configuration::<SmallUnet>(r#"{"width":4}"#).unwrap_or_else(|error| panic!("{error}"));
    }

    #[test]
    fn its_width_is_checked() {
        assert!(SmallUnet::new(SmallUnetConfig { width: 0 }).is_err());
    }
}
