//! Hand-made cases, and a brute-force oracle for tiny problems.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

/// (size, first, last), alignment 1.
fn problem(buffers: &[(u32, u32, u32)], in_place: &[(usize, usize)]) -> Problem {
    let buffers = buffers.iter().map(|&(size, first, last)| Buffer { size, align: 1, first, last }).collect();
    Problem { buffers, in_place: in_place.iter().map(|&(output, input)| InPlace { output, input }).collect() }
}

pub(super) fn solve(problem: &Problem) -> Plan {
    let plan = plan(problem, 1).unwrap();
    assert_eq!(check(problem, &plan), Ok(()));
    plan
}

/// The smallest arena over all offsets, with `check` as the only judge.
pub(super) fn brute_force(problem: &Problem) -> u32 {
    let mut best = problem.buffers.iter().map(|b| b.size + b.align).sum::<u32>() + 1;
    descend(problem, &mut Vec::new(), &mut best);
    best
}

fn descend(problem: &Problem, offsets: &mut Vec<u32>, best: &mut u32) {
    let count = offsets.len();
    let both = |w: &&InPlace| w.output.max(w.input) < count;
    let in_place: Vec<InPlace> = problem.in_place.iter().filter(both).copied().collect();
    let start = Problem { buffers: problem.buffers[..count].to_vec(), in_place };
    let same = |w: &&InPlace| offsets[w.output] == offsets[w.input];
    let shared = start.usable().iter().filter(same).map(|w| (w.output, w.input)).collect();
    let arena = start.buffers.iter().zip(offsets.iter()).map(|(b, at)| b.size + at).max().unwrap_or(0);
    if arena >= *best || check(&start, &Plan { offsets: offsets.clone(), arena, planner: "", shared }).is_err() {
        return;
    }
    let Some(buffer) = problem.buffers.get(count) else {
        *best = arena;
        return;
    };
    for at in (0..*best).step_by(buffer.align as usize) {
        offsets.push(at);
        descend(problem, offsets, best);
        offsets.pop();
    }
}

#[test]
fn nothing_needs_nothing() {
    let plan = solve(&Problem::default());
    assert_eq!((plan.arena, plan.offsets.len()), (0, 0));
}

#[test]
fn a_chain_meets_the_floor() {
    // Each buffer meets only its neighbours: the floor is the largest neighbouring pair, 900 + 400.
    let sizes = [100, 900, 400, 700, 50, 600, 10];
    let buffers: Vec<_> = sizes.iter().zip(0..).map(|(&size, step)| (size, step, step + 1)).collect();
    let problem = problem(&buffers, &[]);
    let plan = solve(&problem);
    assert_eq!((plan.arena, plan.planner), (1300, "greedy_by_size"));
    assert_eq!(lower_bound(&problem), Ok(1300));
}

#[test]
fn a_residual_block_needs_three_and_in_place_two() {
    // x -> conv -> y, x + y -> z: x lives through the convolution.
    let buffers = [(64, 0, 2), (64, 1, 2), (64, 2, 3)];
    assert_eq!(solve(&problem(&buffers, &[])).arena, 192);
    let plan = solve(&problem(&buffers, &[(2, 0), (2, 1)]));
    assert_eq!((plan.arena, plan.shared), (128, vec![(2, 0)]));
}

#[test]
fn a_run_of_element_wise_operators_stays_in_place() {
    let plan = solve(&problem(&[(80, 0, 1), (80, 1, 2), (40, 2, 3), (40, 3, 4)], &[(1, 0), (2, 1), (3, 2)]));
    assert_eq!((plan.arena, plan.offsets), (80, vec![0; 4]));
    assert_eq!(plan.shared, [(1, 0), (2, 1), (3, 2)]);
}

#[test]
fn wishes_that_cannot_hold_are_passed_over() {
    let lives_on = problem(&[(8, 0, 2), (8, 1, 2)], &[(1, 0)]);
    let too_small = problem(&[(8, 0, 1), (9, 1, 2)], &[(1, 0)]);
    let itself = problem(&[(8, 1, 1)], &[(0, 0)]);
    for (problem, arena) in [(lives_on, 16), (too_small, 17), (itself, 8)] {
        let plan = solve(&problem);
        assert_eq!((plan.arena, plan.shared), (arena, vec![]));
    }
}

#[test]
fn one_input_is_overwritten_once() {
    let plan = solve(&problem(&[(8, 0, 1), (4, 1, 2), (4, 1, 2)], &[(1, 0), (2, 0)]));
    assert_eq!((plan.arena, plan.shared.len()), (12, 1));
}

#[test]
fn sharing_is_declined_where_it_costs() {
    let apart = [(2, 4, 7), (2, 7, 10), (6, 8, 10), (5, 5, 6), (6, 0, 0), (4, 2, 7), (2, 0, 4), (5, 1, 2), (3, 9, 11)];
    let plan = solve(&problem(&apart, &[(1, 0)]));
    assert_eq!((plan.arena, plan.shared), (11, vec![]));
    // The first two as one buffer: what sharing would cost.
    let mut tied = apart;
    (tied[0].2, tied[1].0) = (10, 0);
    assert_eq!(solve(&problem(&tied, &[])).arena, 12);
}

#[test]
fn offsets_are_aligned() {
    let mut problem = problem(&[(5, 0, 1), (5, 0, 1), (3, 0, 1)], &[]);
    problem.buffers.iter_mut().for_each(|b| b.align = 16);
    let plan = solve(&problem);
    // Two padded to 16, and the topmost unpadded: 16 + 16 + 3.
    assert_eq!((plan.arena, lower_bound(&problem)), (35, Ok(35)));
}

#[test]
fn empty_buffers_take_no_space() {
    let plan = solve(&problem(&[(0, 0, 9), (7, 0, 9), (0, 3, 3)], &[(2, 1)]));
    assert_eq!((plan.arena, plan.offsets), (7, vec![0, 0, 0]));
    assert_eq!(solve(&problem(&[(0, 0, 1)], &[])).arena, 0);
}

/// Problems found by search on which all earlier planners miss the floor.
#[test]
fn every_planner_is_needed() {
    type Case = (&'static str, u32, &'static [(u32, u32, u32)]);
    let cases: [Case; 5] = [
        ("greedy_by_size", 8, &[(4, 2, 4), (2, 2, 4), (2, 2, 2)]),
        ("greedy_by_breadth", 13, &[(6, 2, 2), (3, 3, 5), (5, 2, 4), (5, 3, 5)]),
        ("greedy_by_first_use", 8, &[(4, 0, 1), (5, 2, 4), (2, 1, 3), (2, 0, 1)]),
        ("hill_climb", 11, &[(6, 0, 0), (3, 0, 2), (3, 1, 2), (5, 1, 3)]),
        (
            "exact",
            75,
            &[
                (14, 1, 4),
                (11, 3, 5),
                (21, 2, 2),
                (23, 5, 7),
                (22, 5, 6),
                (24, 2, 3),
                (29, 8, 10),
                (26, 6, 8),
                (16, 2, 5),
            ],
        ),
    ];
    for (planner, arena, buffers) in cases {
        let problem = problem(buffers, &[]);
        let plan = solve(&problem);
        assert_eq!((plan.planner, plan.arena, lower_bound(&problem)), (planner, arena, Ok(arena)));
    }
}

#[test]
fn the_floor_is_not_always_met() {
    let buffers = [(4, 5, 8), (3, 3, 3), (1, 3, 4), (2, 1, 4), (5, 4, 7), (3, 1, 3), (6, 1, 1), (2, 3, 7)];
    let problem = problem(&buffers, &[]);
    assert_eq!((lower_bound(&problem), solve(&problem).arena, brute_force(&problem)), (Ok(11), 12, 12));
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let problem = scattered(60);
    assert_eq!(plan(&problem, 7), plan(&problem, 7));
    let seeds: Vec<u32> = (0..4).map(|seed| plan(&problem, seed).unwrap().arena).collect();
    let greedy = greedy_by_size::plan(&Layout::new(&problem)).unwrap().arena;
    assert!(seeds.iter().all(|&arena| arena < greedy), "{seeds:?} against {greedy}");
}

#[test]
fn six_hundred_buffers_are_planned() {
    let problem = scattered(600);
    let plan = solve(&problem);
    let floor = lower_bound(&problem).unwrap();
    assert!(plan.arena >= floor && plan.arena - floor < floor / 10, "{} against {floor}", plan.arena);
}

/// Buffers of scattered sizes, each alive for up to ten steps.
fn scattered(count: u32) -> Problem {
    let hash = |i: u32| i.wrapping_mul(2_654_435_761) >> 12;
    let buffer = |i| (1 + hash(i) % 4096, i, i + 1 + hash(i + count) % 10);
    problem(&(0..count).map(buffer).collect::<Vec<_>>(), &[])
}

#[test]
fn more_than_32_bits_is_an_error() {
    let live = problem(&[(u32::MAX, 0, 1), (u32::MAX, 0, 1)], &[]);
    assert_eq!(plan(&live, 1), Err(Error::TooLarge { bytes: 2 * u64::from(u32::MAX) }));
    assert_eq!(solve(&problem(&[(u32::MAX, 0, 1), (u32::MAX, 2, 3)], &[])).arena, u32::MAX);
    // The bytes would fit, the alignments do not let them.
    let mut aligned = problem(&[(1, 0, 1), (1, 0, 1), ((1 << 31) + 5, 0, 1)], &[]);
    aligned.buffers[0].align = 1 << 31;
    aligned.buffers[1].align = 1 << 31;
    assert!(matches!(plan(&aligned, 1), Err(Error::TooLarge { .. })));
}

#[test]
fn malformed_problems_are_refused() {
    let mut align = problem(&[(1, 0, 0)], &[]);
    align.buffers[0].align = 12;
    assert_eq!(plan(&align, 1), Err(Error::Align { buffer: 0, align: 12 }));
    assert_eq!(lower_bound(&align), Err(Error::Align { buffer: 0, align: 12 }));
    assert_eq!(plan(&problem(&[(1, 2, 1)], &[]), 1), Err(Error::Life { buffer: 0, first: 2, last: 1 }));
    assert_eq!(plan(&problem(&[(1, 0, 1)], &[(0, 1)]), 1), Err(Error::Wish { wish: 0, buffer: 1, buffers: 1 }));
}

#[test]
fn check_finds_every_fault() {
    let mut problem = problem(&[(8, 0, 1), (8, 1, 2)], &[(1, 0)]);
    problem.buffers[1].align = 4;
    let plan = |offsets: &[u32], arena, shared: &[(usize, usize)]| Plan {
        offsets: offsets.to_vec(),
        arena,
        planner: "",
        shared: shared.to_vec(),
    };
    assert_eq!(check(&problem, &plan(&[8, 0], 16, &[])), Ok(()));
    assert_eq!(check(&problem, &plan(&[0, 0], 8, &[(1, 0)])), Ok(()));
    assert_eq!(check(&problem, &plan(&[0], 8, &[])), Err(Fault::Count { offsets: 1, buffers: 2 }));
    assert_eq!(check(&problem, &plan(&[0, 0], 8, &[])), Err(Fault::Overlap { a: 0, b: 1, step: 1 }));
    assert_eq!(check(&problem, &plan(&[0, 4], 12, &[])), Err(Fault::Overlap { a: 0, b: 1, step: 1 }));
    assert_eq!(check(&problem, &plan(&[0, 8], 15, &[])), Err(Fault::Outside { buffer: 1, end: 16, arena: 15 }));
    assert_eq!(check(&problem, &plan(&[0, 10], 18, &[])), Err(Fault::Misaligned { buffer: 1, offset: 10, align: 4 }));
    assert_eq!(check(&problem, &plan(&[0, 4], 12, &[(1, 0)])), Err(Fault::NotShared { output: 1, input: 0 }));
    assert_eq!(check(&problem, &plan(&[0, 0], 8, &[(0, 1)])), Err(Fault::NotShared { output: 0, input: 1 }));
    problem.in_place.clear();
    assert_eq!(check(&problem, &plan(&[0, 0], 8, &[(1, 0)])), Err(Fault::NotShared { output: 1, input: 0 }));
}
