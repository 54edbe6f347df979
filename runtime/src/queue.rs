//! Keeps the references of the samples that are most worth a label, in fixed memory.
//!
//! ```text
//! offer(Ask { reference, urgency }) -> kept if it is among the most urgent so far
//! ```
//!
//! A reference is whatever finds the sample again: its number, a time, a place in flash. The urgency is the caller's:
//! `1 - margin` of a [`crate::Prediction`], its entropy, or how far two models disagree. Of equals the earlier one is
//! kept, so the same stream gives the same bytes on every target. Source: uncertainty sampling, Lewis and Gale, "A
//! sequential algorithm for training text classifiers", 1994.
//!
//! Memory is one plain record, `Head | Ask per place`, in the order of urgency. What is absent: the samples themselves.

use crate::Error;
use bytemuck::{Pod, Zeroable};
use siskin_format::crc32;

/// What every record begins with: `slq` and the layout's version.
const MAGIC: u32 = u32::from_le_bytes(*b"slq\x01");

/// One sample to be labelled.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Ask {
    /// What finds the sample again.
    pub reference: u64,
    /// How much a label is worth; finite.
    pub urgency: f32,
    /// The class that the model gave it: the caller's to use.
    pub class: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Head {
    magic: u32,
    checksum: u32,
    places: u32,
    len: u32,
    seen: u64,
}

/// The most urgent of the samples that were offered.
#[derive(Debug)]
pub struct Queue<'m> {
    head: &'m mut Head,
    places: &'m mut [Ask],
}

impl<'m> Queue<'m> {
    /// Bytes of memory for a queue of so many places.
    #[must_use]
    pub const fn memory_len(places: usize) -> usize {
        size_of::<Head>().saturating_add(places.saturating_mul(size_of::<Ask>()))
    }

    /// An empty queue in memory that begins at a multiple of 8: as many places as there is room for.
    ///
    /// # Errors
    /// [`Error::Memory`] with the bytes of a queue of one, [`Error::Alignment`].
    pub fn new(memory: &'m mut [u8]) -> Result<Queue<'m>, Error> {
        let queue = Queue::over(memory)?;
        *queue.head = Head { magic: MAGIC, places: queue.places.len() as u32, ..Head::zeroed() };
        queue.places.fill(Ask::zeroed());
        Ok(queue)
    }

    /// Goes on from bytes that [`Queue::save`] gave, in memory for as many places.
    ///
    /// # Errors
    /// As [`Queue::new`]; [`Error::Saved`] if the bytes are damaged or of another version.
    pub fn restore(memory: &'m mut [u8], saved: &[u8]) -> Result<Queue<'m>, Error> {
        if saved.get(4..8) != Some(&checksum(saved).to_le_bytes()[..]) {
            return Err(Error::Saved);
        }
        let place = memory.get_mut(..saved.len()).ok_or(Error::Memory(saved.len() as u32))?;
        place.copy_from_slice(saved);
        let queue = Queue::over(place)?;
        if queue.is_sound(saved.len()) { Ok(queue) } else { Err(Error::Saved) }
    }

    fn over(memory: &'m mut [u8]) -> Result<Queue<'m>, Error> {
        let short = Error::Memory(Queue::memory_len(1) as u32);
        let (head, rest) = memory.split_at_mut_checked(size_of::<Head>()).ok_or(short)?;
        let whole = rest.len().saturating_sub(rest.len().checked_rem(size_of::<Ask>()).unwrap_or(0));
        let rest = rest.get_mut(..whole).filter(|r| !r.is_empty()).ok_or(short)?;
        let head = bytemuck::try_from_bytes_mut(head).map_err(|_| Error::Alignment(8))?;
        Ok(Queue { head, places: bytemuck::try_cast_slice_mut(rest).map_err(|_| Error::Alignment(8))? })
    }

    fn is_sound(&self, bytes: usize) -> bool {
        let places = self.places.len();
        let ordered = self.asks().is_sorted_by(|a, b| a.urgency >= b.urgency);
        self.head.magic == MAGIC
            && bytes == Queue::memory_len(places)
            && self.head.places as usize == places
            && self.head.len as usize <= places
            && u64::from(self.head.len) <= self.head.seen
            && self.asks().iter().all(|a| a.urgency.is_finite())
            && ordered
    }

    /// Takes a sample in, if it is more urgent than the least urgent that is kept, and says whether it was. An
    /// urgency that is not finite is none.
    pub fn offer(&mut self, ask: Ask) -> bool {
        self.head.seen = self.head.seen.saturating_add(1);
        let at = self.asks().partition_point(|kept| kept.urgency >= ask.urgency);
        if at >= self.places.len() || !ask.urgency.is_finite() {
            return false;
        }
        let grown = (self.head.len as usize).saturating_add(1).min(self.places.len());
        self.head.len = grown as u32;
        // Each later one moves a place on, and the last falls out.
        let later = self.places.get_mut(at..grown).unwrap_or(&mut []);
        later.iter_mut().fold(ask, |moved, place| core::mem::replace(place, moved));
        true
    }

    /// The samples that are kept, the most urgent first.
    #[must_use]
    pub fn asks(&self) -> &[Ask] {
        self.places.get(..self.head.len as usize).unwrap_or(&[])
    }

    /// Samples that were offered.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.head.seen
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        self.head.len = 0;
        self.head.seen = 0;
        self.places.fill(Ask::zeroed());
    }

    /// Writes what [`Queue::restore`] takes and returns its length.
    ///
    /// # Errors
    /// [`Error::Memory`] with the bytes needed.
    pub fn save(&self, out: &mut [u8]) -> Result<usize, Error> {
        let needed = Queue::memory_len(self.places.len());
        let out = out.get_mut(..needed).ok_or(Error::Memory(needed as u32))?;
        let bytes = bytemuck::bytes_of(&*self.head).iter().chain(bytemuck::cast_slice(&*self.places));
        out.iter_mut().zip(bytes).for_each(|(slot, &byte)| *slot = byte);
        let sum = checksum(out).to_le_bytes();
        out.iter_mut().skip(4).zip(sum).for_each(|(slot, byte)| *slot = byte);
        Ok(needed)
    }
}

/// Over everything but the checksum itself.
fn checksum(record: &[u8]) -> u32 {
    crc32(record.get(..4).unwrap_or(&[])).rotate_left(1) ^ crc32(record.get(8..).unwrap_or(&[]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use siskin_format::Prng;

    const PLACES: usize = 5;
    type Memory = [u64; Queue::memory_len(PLACES) / 8];

    fn ask(reference: u64, urgency: f32) -> Ask {
        Ask { reference, urgency, class: 0 }
    }

    fn references(queue: &Queue<'_>) -> [u64; PLACES] {
        core::array::from_fn(|i| queue.asks().get(i).map_or(u64::MAX, |a| a.reference))
    }

    #[test]
    fn keeps_the_most_urgent_and_of_equals_the_earlier() {
        let mut memory: Memory = [0; _];
        let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let kept = [0.5, 0.9, 0.5, f32::NAN, 0.1, 0.9, 0.2, 0.1, f32::INFINITY]
            .iter()
            .zip(0..)
            .map(|(&u, i)| queue.offer(ask(i, u)))
            .fold(0u32, |bits, kept| bits << 1 | u32::from(kept));
        assert_eq!(references(&queue), [1, 5, 0, 2, 6]);
        assert_eq!((kept, queue.seen()), (0b1_1101_1100, 9));
        queue.clear();
        assert!(queue.asks().is_empty());
    }

    #[test]
    fn equals_a_stable_sort_of_all() {
        let mut prng = Prng::new(7);
        for _ in 0..200 {
            let mut memory: Memory = [0; _];
            let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut memory)).unwrap();
            let mut all: [Ask; 40] = core::array::from_fn(|i| ask(i as u64, f32::from(prng.next_u8() % 16)));
            for &a in &all {
                queue.offer(a);
            }
            all.sort_by(|a, b| b.urgency.total_cmp(&a.urgency));
            assert_eq!(queue.asks(), &all[..PLACES]);
        }
    }

    #[test]
    fn goes_on_after_a_restart_and_refuses_what_is_damaged() {
        let (mut a, mut b): (Memory, Memory) = ([0; _], [0; _]);
        let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut a)).unwrap();
        queue.offer(ask(3, 0.5));
        queue.offer(ask(4, 0.75));
        let mut saved = [0; Queue::memory_len(PLACES)];
        assert_eq!(queue.save(&mut saved).unwrap(), saved.len());
        assert_eq!(queue.save(&mut saved[1..]), Err(Error::Memory(saved.len() as u32)));
        queue.save(&mut saved).unwrap();
        let restored = Queue::restore(bytemuck::cast_slice_mut(&mut b), &saved).unwrap();
        assert_eq!((restored.asks(), restored.seen()), (queue.asks(), 2));
        let mut attempt = |bytes: &[u8]| Queue::restore(bytemuck::cast_slice_mut(&mut b), bytes).err();
        for at in 0..saved.len() {
            let mut bad = saved;
            bad[at] ^= 1 << (at % 8);
            assert_eq!(attempt(&bad), Some(Error::Saved), "byte {at}");
            assert_eq!(attempt(&saved[..at]), Some(Error::Saved), "{at} bytes");
        }
    }

    /// Whatever a record holds behind a right checksum, it is refused or served.
    #[test]
    fn hostile_records_are_refused_or_served() {
        let mut prng = Prng::new(1);
        let (mut served, mut refused) = (0, 0);
        for round in 0..4000usize {
            let (mut a, mut b): (Memory, Memory) = ([0; _], [0; _]);
            let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut a)).unwrap();
            assert!((0..4).all(|i| queue.offer(ask(i, 1.0))));
            let mut saved = [0; Queue::memory_len(PLACES)];
            queue.save(&mut saved).unwrap();
            saved[8 + round % (saved.len() - 8)] = prng.next_u8();
            let sum = checksum(&saved).to_le_bytes();
            saved[4..8].copy_from_slice(&sum);
            match Queue::restore(bytemuck::cast_slice_mut(&mut b), &saved) {
                Ok(mut queue) => {
                    served += 1;
                    queue.offer(ask(9, 0.5));
                    assert!(queue.asks().len() <= PLACES);
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error, Error::Saved);
                }
            }
        }
        assert!(served > 1000 && refused > 500, "{served} {refused}");
    }

    #[test]
    fn memory_must_hold_one() {
        let mut memory: Memory = [0; _];
        let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
        assert_eq!(Queue::new(&mut memory[..30]).err(), Some(Error::Memory(40)));
        assert_eq!(Queue::new(&mut memory[1..]).err(), Some(Error::Alignment(8)));
        assert_eq!(Queue::new(&mut memory[..55]).unwrap().places.len(), 1);
    }
}
