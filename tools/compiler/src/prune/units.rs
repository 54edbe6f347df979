//! Channels that must go together: a union-find whose sets know why they must stay.

/// A channel of a value. Values whose channels correspond share theirs.
pub(super) type Unit = usize;

/// Sets of units.
#[derive(Default)]
pub(super) struct Units {
    parent: Vec<Unit>,
    /// Of each set's first unit: why it must stay.
    pinned: Vec<Option<String>>,
}

impl Units {
    /// New units, each a set of its own.
    pub(super) fn fresh(&mut self, count: usize) -> Vec<Unit> {
        let start = self.parent.len();
        self.parent.extend(start..start + count);
        self.pinned.resize(start + count, None);
        (start..start + count).collect()
    }

    /// The first unit of the set.
    pub(super) fn root(&self, mut unit: Unit) -> Unit {
        while self.parent[unit] != unit {
            unit = self.parent[unit];
        }
        unit
    }

    /// Joins the sets of two units. What pins one pins both.
    pub(super) fn join(&mut self, a: Unit, b: Unit) {
        let (a, b) = (self.root(a), self.root(b));
        let (first, second) = (a.min(b), a.max(b));
        if first != second {
            self.parent[second] = first;
            let reason = self.pinned[second].take();
            self.pinned[first] = self.pinned[first].take().or(reason);
        }
    }

    /// Makes the sets of units stay.
    pub(super) fn pin(&mut self, units: &[Unit], reason: &str) {
        for &unit in units {
            let root = self.root(unit);
            self.pinned[root].get_or_insert_with(|| reason.to_string());
        }
    }

    /// Why a unit must stay, if it must.
    pub(super) fn pinned(&self, unit: Unit) -> Option<&str> {
        self.pinned[self.root(unit)].as_deref()
    }

    /// How many units there are.
    pub(super) fn len(&self) -> usize {
        self.parent.len()
    }
}
