//! Tests of the table of sessions: the list of unused ones.

use super::*;

#[test]
fn sessions_that_end_without_a_call_leave_nothing_behind() {
    let mut sessions = Sessions::default();
    for id in 0..10_000 {
        let session = Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None);
        let key = sessions.insert(session);
        sessions.detach(key, 0, Time::default());
        sessions.remove(key, Time::default(), Time::default());
    }
    assert!(sessions.unused.len() <= 64 + 2, "{}", sessions.unused.len());
}

fn insert(sessions: &mut Sessions, id: u128) -> SessionKey {
    sessions.insert(Session::new(SessionId(id), Token([0; 32]), 1, Terms::default(), None))
}

#[test]
fn the_list_keeps_sessions_that_live_and_lets_ended_ones_go_when_they_are_half_of_it() {
    let mut sessions = Sessions::default();
    let living = [insert(&mut sessions, 1), insert(&mut sessions, 2)];
    living.iter().for_each(|key| sessions.detach(*key, 0, Time::default()));
    for listed in 3..=2 * 3 + 64 {
        let key = insert(&mut sessions, 100 + listed as u128);
        sessions.detach(key, 0, Time::default());
        assert_eq!(sessions.unused.len(), listed);
        sessions.remove(key, Time::default(), Time::default());
    }
    let last = insert(&mut sessions, 3);
    sessions.detach(last, 0, Time::default());
    assert_eq!(sessions.unused, [living[0], living[1], last]);
}

#[test]
fn a_session_is_listed_once_and_not_at_all_after_its_first_call() {
    let mut sessions = Sessions::default();
    let (unused, used) = (insert(&mut sessions, 1), insert(&mut sessions, 2));
    sessions.get_mut(used).expect("it lives").sums.admitted = true;
    for key in [unused, used, unused] {
        sessions.detach(key, 0, Time::default());
    }
    assert_eq!(sessions.unused, [unused]);
}
