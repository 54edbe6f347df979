//! Properties of every planner on random problems.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::{
    tests::{brute_force, solve},
    *,
};

/// Every planner's plan, without stopping at the floor; the exact one last.
fn all(problem: &Problem) -> Vec<Plan> {
    let layout = Layout::new(problem);
    let floor = lower_bound(problem).unwrap();
    let found = [
        greedy_by_size::plan(&layout),
        greedy_by_breadth::plan(&layout),
        greedy_by_first_use::plan(&layout),
        hill_climb::plan(&layout, floor, 1),
        exact::plan(&layout, floor, u32::MAX),
    ];
    found.into_iter().flatten().collect()
}

/// Up to `most` buffers; wishes mostly between an operator's output and an input that dies there.
fn problems(most: usize, sizes: u32, aligns: u32) -> impl Strategy<Value = Problem> {
    let steps = most as u32;
    let buffer = (0..=sizes, 0..aligns, 0..steps, 0..4u32).prop_map(|(size, align, first, life)| Buffer {
        size,
        align: 1 << align,
        first,
        last: first + life,
    });
    let wish = (any::<prop::sample::Index>(), any::<prop::sample::Index>());
    (prop::collection::vec(buffer, 1..=most), prop::collection::vec(wish, 0..=most)).prop_map(|(buffers, wishes)| {
        let mut problem = Problem { buffers, in_place: vec![] };
        for (output, input) in wishes {
            let (output, input) = (output.index(problem.buffers.len()), input.index(problem.buffers.len()));
            let Buffer { size, last, .. } = problem.buffers[input];
            let out = &mut problem.buffers[output];
            *out = Buffer { size: out.size.min(size), first: last, last: last + (out.last - out.first), ..*out };
            problem.in_place.push(InPlace { output, input });
        }
        problem
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_plan_passes_the_check(problem in problems(30, 500, 5)) {
        let floor = lower_bound(&problem).unwrap();
        for found in all(&problem) {
            prop_assert_eq!(check(&problem, &found), Ok(()), "{}", found.planner);
            prop_assert!(found.arena >= floor);
        }
        prop_assert_eq!(check(&problem, &plan(&problem, 3).unwrap()), Ok(()));
    }

    #[test]
    fn nothing_beats_exact(problem in problems(8, 60, 4)) {
        let found = all(&problem);
        let exact = found.iter().find(|plan| plan.planner == "exact").unwrap();
        prop_assert!(found.iter().all(|plan| plan.arena >= exact.arena));
        prop_assert_eq!(plan(&problem, 3).unwrap().arena, exact.arena);
    }

    #[test]
    fn exact_equals_brute_force(problem in problems(4, 4, 3)) {
        let exact = exact::plan(&Layout::new(&problem), 0, u32::MAX).unwrap();
        prop_assert_eq!(exact.arena, brute_force(&problem));
    }

    #[test]
    fn wishes_never_cost(problem in problems(7, 60, 3)) {
        let apart = Problem { in_place: vec![], ..problem.clone() };
        prop_assert!(solve(&problem).arena <= solve(&apart).arena);
    }
}
