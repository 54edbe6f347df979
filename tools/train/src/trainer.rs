//! The training loop.
//!
//! ```text
//! epoch:  samples in an order drawn by seed and epoch, in batches
//! batch:  round weights -> PARTS of the batch, each: augment -> teacher -> forward -> loss -> backward -> sum -> update
//! ```
//!
//! Threads take parts as they come; which part a sample belongs to, and the order of sums, do not depend on them.

use crate::checkpoint::{self, Key};
use crate::loss::Loss;
use crate::optimizer::{Parameter, rate_at};
use crate::program::{Gradients, Program, Shared, Workspace};
use crate::quantization::{ActivationFake, Range, WeightFake};
use crate::set::Answers;
use crate::{Options, Set, TrainError, Trained};
use core::sync::atomic::{AtomicUsize, Ordering};
use fastrand::Rng;
use siskin::op::Softmax;
use siskin_compiler::ir::{Def, Graph, NodeId, Tensor, ValueId};
use siskin_compiler::progress::Progress;
use siskin_compiler::quantize::observe::{Method, Observer, QuantParams};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts of a batch: what threads share out, and the order in which gradients are summed.
const PARTS: usize = 8;

/// Samples that activations' ranges are taken from.
const OBSERVED: usize = 256;

/// Trains a graph on a set, by a teacher if one is given: [`Trainer`] in one call.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::fit`].
pub fn finetune(
    graph: &Graph,
    teacher: Option<&Graph>,
    set: &Set,
    options: Options,
    progress: &mut dyn Progress,
) -> Result<Trained, TrainError> {
    let mut trainer = Trainer::new(graph.clone(), teacher, options)?;
    trainer.fit(set, progress)?;
    Ok(trainer.finish())
}

/// The value that losses of classes are taken of: the model's first output, or what its final Softmax reads.
///
/// # Errors
/// [`TrainError::Option`] if the graph has no output.
pub fn logits(graph: &Graph) -> Result<ValueId, TrainError> {
    let port = graph.outputs.first().ok_or_else(|| TrainError::Option("the model has no output".into()))?;
    let softmax = graph.producer(port.value).map(|n| graph.node(n)).filter(|n| n.is::<Softmax>());
    Ok(softmax.and_then(|n| n.input(0)).unwrap_or(port.value))
}

/// A model in training.
pub struct Trainer {
    graph: Graph,
    options: Options,
    program: Program,
    teacher: Option<Teacher>,
    /// By slot, those that are trained.
    parameters: Vec<(usize, Parameter)>,
    weights: Vec<WeightFake>,
    activations: Vec<ActivationFake>,
    losses: Vec<f64>,
}

/// A model that is asked, not trained.
struct Teacher {
    program: Program,
    shared: Shared,
}

/// What a thread has of its own.
#[derive(Default)]
struct Desk {
    space: Workspace,
    teacher: Workspace,
}

/// Samples of one step.
struct Batch<'a> {
    epoch: usize,
    /// The place in the epoch of the first.
    first: usize,
    samples: &'a [usize],
    set: &'a Set,
}

/// The sums of one part of a batch.
#[derive(Default)]
struct Part {
    gradients: Gradients,
    loss: f64,
}

impl Trainer {
    /// Prepares a graph for training, by a teacher if one is given.
    ///
    /// # Errors
    /// [`TrainError`]: what cannot be trained, or a teacher of other inputs or outputs.
    pub fn new(graph: Graph, teacher: Option<&Graph>, options: Options) -> Result<Trainer, TrainError> {
        let end = |g: &Graph| match options.loss {
            Loss::Squares => g.outputs.first().map(|p| p.value).ok_or_else(|| TrainError::Option("no output".into())),
            _ => logits(g),
        };
        let trains = |node: NodeId, of: &[usize], i: usize| of.contains(&i) && !options.frozen.contains(&node);
        let program = Program::new(&graph, end(&graph)?, &trains)?;
        let teacher = teacher.map(|t| Teacher::new(t, end(t)?, &program)).transpose()?;
        let layers = program.layers();
        let parameter = |slot: usize| {
            let values = program.slots[slot].constant.as_ref()?.get::<f32>()?.to_vec();
            Some((slot, Parameter::new(values, layers.iter().any(|l| l.1 == slot))))
        };
        let trained = (0..program.slots.len()).filter(|&s| program.slots[s].trained);
        let parameters: Vec<_> = trained.filter_map(parameter).collect();
        if parameters.is_empty() {
            return Err(TrainError::Nothing);
        }
        let mut weights = Vec::new();
        for &(node, slot, axis) in &layers {
            let Some(&bits) = options.quantization.weights.get(&node) else { continue };
            if !(2..=8).contains(&bits) {
                let name = &graph.node(node).name;
                return Err(TrainError::Option(format!(
                    "layer '{name}': weights of {bits} bits: 2 to 8 can be trained"
                )));
            }
            let slot_of = &program.slots[slot];
            let values = slot_of.constant.as_ref().and_then(|c| c.get::<f32>()).unwrap_or(&[]);
            weights.push(WeightFake::new(node, slot, bits, axis, slot_of.ty.shape.dims(), values));
        }
        let (activations, losses) = (Vec::new(), Vec::new());
        Ok(Trainer { graph, options, program, teacher, parameters, weights, activations, losses })
    }

    /// Trains on a set; goes on from the checkpoint if there is one of the same model, data and options.
    ///
    /// # Errors
    /// [`TrainError::Diverged`], [`TrainError::Unlabelled`], or the checkpoint's file.
    pub fn fit(&mut self, set: &Set, progress: &mut dyn Progress) -> Result<(), TrainError> {
        self.check(set)?;
        if self.options.quantization.activations {
            self.observe(set)?;
        }
        let key = self.key(set);
        if let Some(path) = self.options.checkpoint.as_ref().filter(|p| p.exists()) {
            let mut parameters = parameters_of(&mut self.parameters, &mut self.weights, &mut self.activations);
            self.losses = checkpoint::read(path, &key, &mut parameters)?.unwrap_or_default();
        }
        let threads = match self.options.threads {
            0 => std::thread::available_parallelism().map_or(1, core::num::NonZero::get),
            n => n,
        };
        let mut desks: Vec<Desk> = (0..threads.clamp(1, PARTS)).map(|_| Desk::default()).collect();
        let parts: Vec<Mutex<Part>> =
            (0..PARTS).map(|_| Mutex::new(Part { gradients: self.program.zeros(), loss: 0.0 })).collect();
        let mut shared = self.program.share(self.rounded(), self.fakes());
        progress.begin("train", (self.options.epochs * self.steps(set)) as u64);
        (0..self.losses.len() * self.steps(set)).for_each(|_| progress.step());
        for epoch in self.losses.len()..self.options.epochs {
            let loss = self.epoch(epoch, set, &mut shared, &mut desks, &parts, progress)?;
            self.losses.push(loss);
            progress.note(&format!("epoch {} loss {loss:.4}", epoch + 1));
            if let Some(path) = &self.options.checkpoint {
                let parameters = parameters_of(&mut self.parameters, &mut self.weights, &mut self.activations);
                checkpoint::write(path, &key, &self.losses, &parameters)?;
            }
        }
        progress.end();
        Ok(())
    }

    /// The trained graph. The checkpoint, if there is one, stays; it is of no use but to train longer.
    #[must_use]
    pub fn finish(self) -> Trained {
        let constants = self.rounded();
        let mut graph = self.graph;
        let mut codes = BTreeMap::new();
        for (slot, parameter) in &self.parameters {
            let place = &self.program.slots[*slot];
            if let Some(tensor) = &constants[*slot] {
                graph.value_mut(place.value).def = Def::Const(Arc::new(tensor.clone()));
            }
            let fake = self.weights.iter().find(|w| w.slot == *slot);
            if let Some((fake, found)) =
                fake.and_then(|f| Some((f, f.codes(place.ty.shape.dims(), &parameter.values)?)))
            {
                codes.insert(fake.node, found);
            }
        }
        let range = |a: &ActivationFake| Range {
            values: a.slots.iter().map(|&s| self.program.slots[s].value).collect(),
            params: QuantParams { scale: a.step.values[0], zero_point: a.zero_point },
        };
        let ranges = self.activations.iter().map(range).collect();
        Trained { graph, codes, ranges, losses: self.losses }
    }

    fn steps(&self, set: &Set) -> usize {
        set.len().div_ceil(self.options.batch.max(1))
    }

    fn check(&self, set: &Set) -> Result<(), TrainError> {
        if self.teacher.is_none() && matches!(set.answers, Answers::None) {
            return Err(TrainError::Unlabelled(set.place.clone()));
        }
        if set.each != self.program.input_len() || set.is_empty() {
            let needed = self.program.input_len();
            return Err(TrainError::Option(format!(
                "{}: {} values a sample, but the model takes {needed}",
                set.place, set.each
            )));
        }
        if self.options.batch == 0 || self.options.epochs == 0 {
            return Err(TrainError::Option("training needs a batch of at least one sample, and an epoch".into()));
        }
        let dims = self.program.input_dims();
        if let Some(axis) = self.options.augment.iter().filter_map(|a| a.axis()).find(|a| !(1..dims.len()).contains(a))
        {
            return Err(TrainError::Option(format!(
                "samples cannot be varied along axis {axis}: the input {dims:?} has axes 1 to {}, and 0 is the batch",
                dims.len().saturating_sub(1)
            )));
        }
        Ok(())
    }

    /// Chooses the ranges of activations as a calibration does, by the smallest and greatest values.
    fn observe(&mut self, set: &Set) -> Result<(), TrainError> {
        let shared = self.program.share(self.program.constants(), HashMap::new());
        let points: Vec<(Vec<usize>, Option<[f32; 2]>)> = siskin_compiler::quantize::points(&self.graph)
            .into_iter()
            .map(|p| (p.values.iter().filter_map(|&v| self.program.slot_of(v)).collect(), p.fixed))
            .filter(|(slots, _): &(Vec<usize>, _)| slots.iter().any(|&s| self.program.slots[s].constant.is_none()))
            .collect();
        let mut observers: Vec<Observer> = points.iter().map(|_| Observer::new()).collect();
        let mut space = Workspace::default();
        for i in (0..set.len()).step_by(set.len() / OBSERVED + 1) {
            self.program.forward(&shared, &mut space, set.sample(i));
            for ((slots, _), observer) in points.iter().zip(&mut observers) {
                slots.iter().for_each(|&s| observer.observe_range(self.program.seen(&space, s)));
            }
        }
        self.activations = points
            .into_iter()
            .zip(observers)
            .map(|((slots, fixed), observer)| {
                let range = fixed.map_or_else(
                    || observer.range(Method::MinMax),
                    |[min, max]| siskin_compiler::quantize::observe::Range { min, max },
                );
                ActivationFake::new(slots, QuantParams::from_range(range))
            })
            .collect();
        Ok(())
    }

    /// The constants as a step sees them.
    fn rounded(&self) -> Vec<Option<Tensor>> {
        let mut constants = self.program.constants();
        for (slot, parameter) in &self.parameters {
            let fake = self.weights.iter().find(|w| w.slot == *slot);
            let values = fake.map(|f| f.round(&parameter.values));
            if let Some(to) = constants[*slot].as_mut().and_then(|t| t.get_mut::<f32>()) {
                to.copy_from_slice(values.as_deref().unwrap_or(&parameter.values));
            }
        }
        constants
    }

    fn fakes(&self) -> HashMap<usize, crate::fake::Fake> {
        let each = |a: &ActivationFake| a.slots.iter().map(|&s| (s, a.fake())).collect::<Vec<_>>();
        self.activations.iter().flat_map(each).collect()
    }

    fn epoch(
        &mut self,
        epoch: usize,
        set: &Set,
        shared: &mut Shared,
        desks: &mut [Desk],
        parts: &[Mutex<Part>],
        progress: &mut dyn Progress,
    ) -> Result<f64, TrainError> {
        let mut order: Vec<usize> = (0..set.len()).collect();
        random(self.options.seed, epoch, usize::MAX).shuffle(&mut order);
        let mut sum = 0.0;
        for (i, samples) in order.chunks(self.options.batch).enumerate() {
            shared.constants = self.rounded();
            shared.fakes = self.fakes();
            self.program.renew(shared, false);
            let first = i * self.options.batch;
            self.batch(&Batch { epoch, first, samples, set }, shared, desks, parts);
            let (loss, gradients) = self.collect(parts, samples.len());
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch, step: i });
            }
            sum += loss * samples.len() as f64;
            self.update(gradients, epoch * self.steps(set) + i, self.options.epochs * self.steps(set));
            progress.step();
        }
        Ok(sum / set.len() as f64)
    }

    /// Runs every part of a batch, on as many threads as there are desks.
    fn batch(&self, batch: &Batch<'_>, shared: &Shared, desks: &mut [Desk], parts: &[Mutex<Part>]) {
        let next = AtomicUsize::new(0);
        let work = |desk: &mut Desk| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(index) else { break };
                self.part(batch, index, shared, desk, &mut part.lock().unwrap_or_else(PoisonError::into_inner));
            }
        };
        if let [desk] = desks {
            return work(desk);
        }
        std::thread::scope(|scope| {
            for desk in desks {
                scope.spawn(|| work(desk));
            }
        });
    }

    /// Runs every `PARTS`th sample of a batch from `index` on.
    fn part(&self, batch: &Batch<'_>, index: usize, shared: &Shared, desk: &mut Desk, part: &mut Part) {
        part.gradients.constants.iter_mut().for_each(|g| g.fill(0.0));
        part.gradients.steps.fill(0.0);
        part.loss = 0.0;
        let outputs = self.program.output_len();
        let mut dz = vec![0.0; outputs];
        for (i, &sample) in batch.samples.iter().enumerate().skip(index).step_by(PARTS) {
            let mut random = random(self.options.seed, batch.epoch, batch.first + i);
            let (x, target) = self.draw(batch.set, sample, outputs, &mut random);
            let teacher = self.teacher.as_ref().map(|t| t.program.forward(&t.shared, &mut desk.teacher, &x));
            let z = self.program.forward(shared, &mut desk.space, &x);
            part.loss += self.options.loss.of(z, target.as_deref(), teacher, &mut dz);
            self.program.backward(shared, &mut desk.space, &mut part.gradients, &dz);
        }
    }

    /// A variation of a sample, with what it should be answered by.
    fn draw(&self, set: &Set, sample: usize, outputs: usize, random: &mut Rng) -> (Vec<f32>, Option<Vec<f32>>) {
        let vary = |i: usize, random: &mut Rng| {
            let mut x = set.sample(i).to_vec();
            self.options.augment.iter().for_each(|a| a.apply(&mut x, self.program.input_dims(), random));
            x
        };
        let (mut x, mut target) = (vary(sample, random), set.answer(sample, outputs));
        if self.options.mixup > 0.0 {
            let (other, part) = (random.usize(0..set.len()), self.options.mixup * random.f32());
            let mix = |a: &mut [f32], b: &[f32]| a.iter_mut().zip(b).for_each(|(a, b)| *a += part * (b - *a));
            mix(&mut x, &vary(other, random));
            if let (Some(target), Some(other)) = (&mut target, set.answer(other, outputs)) {
                mix(target, &other);
            }
        }
        (x, target)
    }

    /// The mean loss and the mean gradients of a batch.
    fn collect(&self, parts: &[Mutex<Part>], samples: usize) -> (f64, Gradients) {
        let mut sums = self.program.zeros();
        let mut loss = 0.0;
        let share = 1.0 / samples as f32;
        for part in parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            loss += part.loss;
            for (sum, g) in sums.constants.iter_mut().zip(&part.gradients.constants) {
                sum.iter_mut().zip(g).for_each(|(s, g)| *s += share * g);
            }
            sums.steps.iter_mut().zip(&part.gradients.steps).for_each(|(s, g)| *s += share * g);
        }
        (loss / samples as f64, sums)
    }

    fn update(&mut self, mut gradients: Gradients, step: usize, steps: usize) {
        let Options { optimizer, rate, decay, warmup, .. } = self.options;
        let rate = rate_at(rate, step, steps, (warmup * steps as f32) as usize);
        for (slot, parameter) in &mut self.parameters {
            let gradient = &mut gradients.constants[*slot];
            if let Some(fake) = self.weights.iter_mut().find(|w| w.slot == *slot) {
                let of_steps = fake.backward(&parameter.values, gradient);
                optimizer.update(&mut fake.steps, &of_steps, rate, 0.0, step);
            }
            optimizer.update(parameter, gradient, rate, decay, step);
        }
        for activation in &mut self.activations {
            let gradient = activation.slots.iter().map(|&s| gradients.steps[s]).sum();
            optimizer.update(&mut activation.step, &[gradient], rate, 0.0, step);
        }
    }

    /// What a checkpoint must have been made of.
    fn key(&self, set: &Set) -> Key {
        let mut key = Key::default();
        key.add(format!("{:?}", Options { threads: 0, checkpoint: None, ..self.options.clone() }).as_bytes());
        for program in [Some(&self.program), self.teacher.as_ref().map(|t| &t.program)].into_iter().flatten() {
            for slot in &program.slots {
                key.add(slot.ty.to_string().as_bytes());
                key.add(slot.constant.as_ref().map_or(&[], |c| c.bytes()));
            }
        }
        key.add(bytemuck::cast_slice(&set.x));
        key.add(format!("{:?}", set.answers).as_bytes());
        key
    }
}

impl Teacher {
    fn new(graph: &Graph, output: ValueId, student: &Program) -> Result<Teacher, TrainError> {
        let program = Program::new(graph, output, &|_, _, _| false)?;
        let ends = |p: &Program| (p.input_len(), p.output_len());
        if ends(&program) != ends(student) {
            let ((teacher_in, teacher_out), (student_in, student_out)) = (ends(&program), ends(student));
            return Err(TrainError::Teacher { teacher_in, teacher_out, student_in, student_out });
        }
        let shared = program.share(program.constants(), HashMap::new());
        Ok(Teacher { program, shared })
    }
}

/// The random numbers of a place in an epoch.
fn random(seed: u64, epoch: usize, place: usize) -> Rng {
    let mut mixed = Rng::with_seed(seed);
    for part in [epoch as u64, place as u64] {
        mixed = Rng::with_seed(mixed.u64(..) ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    }
    mixed
}

/// Every parameter, in one order.
fn parameters_of<'a>(
    parameters: &'a mut [(usize, Parameter)],
    weights: &'a mut [WeightFake],
    activations: &'a mut [ActivationFake],
) -> Vec<&'a mut Parameter> {
    let steps = weights.iter_mut().map(|w| &mut w.steps);
    let activations = activations.iter_mut().map(|a| &mut a.step);
    parameters.iter_mut().map(|p| &mut p.1).chain(steps).chain(activations).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
mod tests;
