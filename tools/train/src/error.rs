//! Why training cannot begin, or ended.

use siskin_compiler::data::{DataError, Place};
use siskin_compiler::ir::IrError;

/// Why training cannot begin, or ended. Nodes are named as in the source model.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The graph.
    #[error(transparent)]
    Graph(#[from] IrError),
    /// The data, or a checkpoint's file.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Training takes models of one input.
    #[error("the model has {0} inputs: training takes models of one input of real numbers")]
    Input(usize),
    /// A gradient cannot pass an operator.
    #[error(
        "node '{node}': gradients cannot pass {op} in this form, and layers before it are to be trained: freeze them, or end the \
         model before it (--output-value)"
    )]
    Operator {
        /// The node.
        node: String,
        /// The operator.
        op: &'static str,
    },
    /// There is nothing to train.
    #[error("no constant of the model can be trained: every layer is frozen, or none has weights of f32")]
    Nothing,
    /// A label beyond the model's outputs.
    #[error("{place}: sample {sample}: label {label} lies outside the model's classes, 0 to {last}")]
    Label {
        /// The file, and the array of labels.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// The label.
        label: i64,
        /// The last class.
        last: usize,
    },
    /// A class without samples.
    #[error(
        "{place}: class {class} of {classes} has no sample: what a model never sees it forgets; add samples, or leave labels out \
         and distil from a teacher"
    )]
    EmptyClass {
        /// The file, and the array of labels.
        place: Place,
        /// The class.
        class: usize,
        /// The number of classes.
        classes: usize,
    },
    /// Labels of another kind than the loss needs.
    #[error("{place}: sample {sample}: {reason}")]
    Target {
        /// The file, and the array of labels.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// What is wrong and the way out.
        reason: String,
    },
    /// Neither labels nor a teacher.
    #[error("{0}: there are no labels and no teacher: nothing says what the model should answer")]
    Unlabelled(Place),
    /// Teacher and student do not answer alike.
    #[error(
        "the teacher takes {teacher_in} values and gives {teacher_out}, the student takes {student_in} and gives {student_out}: \
         both must take and give the same (end one of them elsewhere with --output-value)"
    )]
    Teacher {
        /// Elements of the teacher's input.
        teacher_in: usize,
        /// Elements of its output.
        teacher_out: usize,
        /// Elements of the student's input.
        student_in: usize,
        /// Elements of its output.
        student_out: usize,
    },
    /// The loss is no number any more.
    #[error("the loss is not finite in epoch {epoch}, step {step}: choose a lower learning rate (--rate)")]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// The step, from 0.
        step: usize,
    },
    /// An option without meaning.
    #[error("{0}")]
    Option(String),
}
