//! How many bits the weights of each layer have.

use std::collections::BTreeMap;

/// Bits of weights, layer by layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Widths {
    /// Of every layer that nothing below says otherwise of: 8, 4, 3 or 2.
    pub bits: u8,
    /// Of the first and the last layer, which lose most.
    pub ends: u8,
    /// Of layers by name.
    pub layers: BTreeMap<String, u8>,
}

impl Default for Widths {
    fn default() -> Widths {
        Widths { bits: 8, ends: 8, layers: BTreeMap::new() }
    }
}

impl Widths {
    /// Whether a layer may have weights of fewer than 8 bits.
    #[must_use]
    pub fn pack(&self) -> bool {
        [self.bits, self.ends].into_iter().chain(self.layers.values().copied()).any(|b| b < 8)
    }

    /// The bits of layer `i` of `count`.
    #[must_use]
    pub fn of(&self, name: &str, i: usize, count: usize) -> u8 {
        let end = i == 0 || i + 1 == count;
        self.layers.get(name).copied().unwrap_or(if end { self.ends } else { self.bits })
    }
}
