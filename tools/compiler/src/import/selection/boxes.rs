//! Boxes that do not overlap too much, best first.

/// What a box must be to be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Boxes of each class.
    pub(super) most: usize,
    /// The part of two boxes' union that their intersection may be.
    pub(super) overlap: f32,
    /// The score to exceed.
    pub(super) score: Option<f32>,
    /// Whether boxes are `[x, y, width, height]` about their centre rather than `[y1, x1, y2, x2]`.
    pub(super) centered: bool,
}

/// The kept boxes of one sample and class.
pub(super) fn suppress(boxes: &[[f32; 4]], scores: &[f32], limits: &Limits) -> Vec<usize> {
    let good = |&i: &usize| limits.score.is_none_or(|least| scores[i] > least);
    let mut order: Vec<usize> = (0..boxes.len()).filter(good).collect();
    // Stable: of equal scores the earlier box wins.
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut kept: Vec<usize> = Vec::new();
    for i in order {
        if kept.len() >= limits.most {
            break;
        }
        let candidate = corners(boxes[i], limits.centered);
        if kept.iter().all(|&k| overlap(candidate, corners(boxes[k], limits.centered)) <= limits.overlap) {
            kept.push(i);
        }
    }
    kept
}

/// A box as `[[low, high]; 2]`, whichever corners name it.
fn corners([a, b, c, d]: [f32; 4], centered: bool) -> [[f32; 2]; 2] {
    if centered {
        [[a - c / 2.0, a + c / 2.0], [b - d / 2.0, b + d / 2.0]]
    } else {
        [[b.min(d), b.max(d)], [a.min(c), a.max(c)]]
    }
}

/// Intersection over union; 0 for boxes without an area.
fn overlap(a: [[f32; 2]; 2], b: [[f32; 2]; 2]) -> f32 {
    let shared = |[a, b]: [[f32; 2]; 2]| (a[1].min(b[1]) - a[0].max(b[0])).max(0.0);
    let area = |[x, y]: [[f32; 2]; 2]| (x[1] - x[0]) * (y[1] - y[0]);
    let intersection = shared([a[0], b[0]]) * shared([a[1], b[1]]);
    let union = area(a) + area(b) - intersection;
    if area(a) <= 0.0 || area(b) <= 0.0 || union <= 0.0 { 0.0 } else { intersection / union }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { most: 9, overlap: 0.5, score: Some(0.0), centered: false };

    #[test]
    fn drops_what_overlaps_a_better_box() {
        let boxes = [[0., 0., 1., 1.], [1.1, 1., 0.1, 0.], [0., 10., 1., 11.], [0., 0., 0., 9.]];
        let scores = [0.5, 0.9, 0.7, 0.0];
        assert_eq!(suppress(&boxes, &scores, &LIMITS), [1, 2]);
        assert_eq!(suppress(&boxes, &scores, &Limits { most: 1, ..LIMITS }), [1]);
        assert_eq!(suppress(&boxes, &scores, &Limits { overlap: 1.0, score: None, ..LIMITS }), [1, 2, 0, 3]);
    }
}
