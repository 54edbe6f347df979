//! The lines that touch inputs and outputs, one block a port, in the port's own type.

use siskin::{DType, Model, Port};

/// Whether values go in and out as reals, whatever is stored.
fn is_real(port: &Port<'_>) -> bool {
    port.outer == DType::F32 && matches!(port.dtype, DType::F32 | DType::I8 | DType::U8 | DType::I16)
}

/// A sentence about a port. Names come from a file, so nothing but ASCII is believed.
fn about(role: &str, i: usize, port: &Port<'_>) -> String {
    let name = port.name.escape_default();
    let stored = if port.outer == port.dtype { String::new() } else { format!(", stored as {}", port.dtype) };
    format!("    // {role} {i}, `{name}`: {} {}{stored}.\n", port.outer, port.shape)
}

/// The type of Rust that stands for what is stored; none where `core` has none.
fn element(dtype: DType) -> Option<&'static str> {
    match dtype {
        DType::F16 => None,
        DType::Bool => Some("u8"),
        other => Some(other.name()),
    }
}

/// The body of `write_inputs` in Rust.
pub(super) fn rust_inputs(model: &Model<'_>) -> String {
    let write = |(i, port): (usize, Port<'_>)| {
        let lines = if is_real(&port) {
            let elements = port.shape.elements();
            format!("    for i in 0..{elements} {{\n        session.write_f32_at({i}, i, &[0.0])?;\n    }}\n")
        } else if let Some(element) = element(port.dtype) {
            let zero = if port.dtype.is_float() { "0.0" } else { "0" };
            format!("    session.input::<{element}>({i})?.fill({zero});\n")
        } else {
            format!("    session.input_bytes({i})?.fill(0);\n")
        };
        about("Input", i, &port) + &lines
    };
    let lines: String = model.inputs().enumerate().map(write).collect();
    if lines.is_empty() { "    let _ = session;\n".into() } else { lines }
}

/// The body of `read_outputs` in Rust.
pub(super) fn rust_outputs(model: &Model<'_>) -> String {
    let read = |(i, port): (usize, Port<'_>)| {
        let values = match element(port.dtype) {
            Some(element) => format!("session.output::<{element}>({i})?"),
            None => format!("session.output_bytes({i})?.1"),
        };
        let print = format!("Line::new().number(\"run\", turn).number(\"output\", {i})");
        format!(
            "{}    let values = {values};\n    {print}.number(\"largest\", largest(values)).end();\n",
            about("Output", i, &port)
        )
    };
    model.outputs().enumerate().map(read).collect()
}

/// The body of `write_inputs` in C, with the constants of `PREFIX`.
pub(super) fn c_inputs(model: &Model<'_>, prefix: &str) -> String {
    let write = |(i, port): (usize, Port<'_>)| {
        if is_real(&port) {
            format!(
                "    static float input_{i}[{prefix}_INPUT_{i}_ELEMENTS];\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       status = siskin_write_f32(&session, {i}, input_{i}, {prefix}_INPUT_{i}_ELEMENTS);\n\
                 \x20   }}\n"
            )
        } else {
            format!(
                "    void *input_{i}; /* {prefix}_INPUT_{i}_ELEMENTS of {} */\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       status = siskin_input(&session, {i}, &input_{i}, NULL);\n\
                 \x20   }}\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       memset(input_{i}, 0, {prefix}_INPUT_{i}_BYTES);\n\
                 \x20   }}\n",
                port.dtype
            )
        }
    };
    model.inputs().enumerate().map(write).collect()
}

/// The body of `read_outputs` in C.
pub(super) fn c_outputs(model: &Model<'_>, prefix: &str) -> String {
    let read = |(i, port): (usize, Port<'_>)| {
        let begin = format!(
            "        print(\"{{\\\"run\\\":\");\n        print_number(turn);\n        print(\",\\\"output\\\":{i},"
        );
        if is_real(&port) {
            format!(
                "    static float output_{i}[{prefix}_OUTPUT_{i}_ELEMENTS];\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       status = siskin_read_f32(&session, {i}, output_{i}, {prefix}_OUTPUT_{i}_ELEMENTS);\n\
                 \x20   }}\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       uint32_t largest = 0;\n\
                 \x20       for (uint32_t i = 1; i < {prefix}_OUTPUT_{i}_ELEMENTS; i++) {{\n\
                 \x20           largest = output_{i}[i] > output_{i}[largest] ? i : largest;\n\
                 \x20       }}\n\
                 {begin}\\\"largest\\\":\");\n\
                 \x20       print_number(largest);\n\
                 \x20       print(\"}}\\n\");\n\
                 \x20   }}\n"
            )
        } else {
            format!(
                "    const void *output_{i}; /* {prefix}_OUTPUT_{i}_ELEMENTS of {} */\n\
                 \x20   size_t output_{i}_bytes;\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 \x20       status = siskin_output(&session, {i}, &output_{i}, &output_{i}_bytes);\n\
                 \x20   }}\n\
                 \x20   if (status == SISKIN_STATUS_OK) {{\n\
                 {begin}\\\"bytes\\\":\");\n\
                 \x20       print_number((uint32_t)output_{i}_bytes);\n\
                 \x20       print(\"}}\\n\");\n\
                 \x20   }}\n",
                port.dtype
            )
        }
    };
    model.outputs().enumerate().map(read).collect()
}
