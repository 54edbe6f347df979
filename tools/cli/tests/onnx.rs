//! Writes tiny ONNX files, right or wrong, field by field: tests need models that no exporter would write.
#![allow(dead_code, reason = "shared by several test programs")]

/// A protobuf message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.0.push((v as u8 & 0x7F) | 0x80);
            v >>= 7;
        }
        self.0.push(v as u8);
    }

    /// An integer field.
    pub(crate) fn int(mut self, field: u64, v: i64) -> Message {
        self.varint(field << 3);
        self.varint(v.cast_unsigned());
        self
    }

    /// An integer attribute of a node.
    pub(crate) fn int_attribute(self, name: &str, v: i64) -> Message {
        self.bytes(5, Message::default().bytes(1, name).int(3, v).int(20, 2))
    }

    /// A field of bytes, a string or a message.
    pub(crate) fn bytes(mut self, field: u64, v: impl AsRef<[u8]>) -> Message {
        let v = v.as_ref();
        self.varint(field << 3 | 2);
        self.varint(v.len() as u64);
        self.0.extend_from_slice(v);
        self
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A node.
pub(crate) fn node(op: &str, name: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let mut m = Message::default();
    for i in inputs {
        m = m.bytes(1, i);
    }
    for o in outputs {
        m = m.bytes(2, o);
    }
    m.bytes(3, name).bytes(4, op)
}

/// A float input or output; a negative length is symbolic.
pub(crate) fn value(name: &str, dims: &[i64]) -> Message {
    let mut shape = Message::default();
    for &d in dims {
        let dim = if d < 0 { Message::default().bytes(2, "length") } else { Message::default().int(1, d) };
        shape = shape.bytes(1, dim);
    }
    let tensor = Message::default().int(1, 1).bytes(2, shape);
    Message::default().bytes(1, name).bytes(2, Message::default().bytes(1, tensor))
}

/// A float initializer.
pub(crate) fn initializer(name: &str, dims: &[i64], values: &[f32]) -> Message {
    let mut m = Message::default();
    for &d in dims {
        m = m.int(1, d);
    }
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    m.int(2, 1).bytes(8, name).bytes(9, raw)
}

/// A scalar `i8` of 0.
pub(crate) fn zero_point(name: &str) -> Message {
    Message::default().int(2, 3).bytes(8, name).bytes(9, [0u8])
}

/// A float initializer whose bytes lie in another file.
pub(crate) fn external(name: &str, dims: &[i64], file: &str) -> Message {
    let mut m = Message::default();
    for &d in dims {
        m = m.int(1, d);
    }
    let entry = Message::default().bytes(1, "location").bytes(2, file);
    m.int(2, 1).bytes(8, name).bytes(13, entry).int(14, 1)
}

/// A model of opset 17.
pub(crate) fn model(nodes: &[Message], initializers: &[Message], inputs: &[Message], outputs: &[Message]) -> Vec<u8> {
    let mut graph = Message::default();
    for n in nodes {
        graph = graph.bytes(1, n);
    }
    graph = graph.bytes(2, "g");
    for t in initializers {
        graph = graph.bytes(5, t);
    }
    for i in inputs {
        graph = graph.bytes(11, i);
    }
    for o in outputs {
        graph = graph.bytes(12, o);
    }
    let opset = Message::default().bytes(1, "").int(2, 17);
    Message::default().int(1, 8).bytes(7, graph).bytes(8, opset).0
}
