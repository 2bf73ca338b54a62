//! What waits for the workers: tasks that are offered and, before them, tasks that others have begun.
//!
//! The scan offers jobs and waits while there are enough of them; who begins a large file adds its parts, which go
//! first. Everyone who waits is woken by what it waits for: a task, room for one, the end of the last, or a stop. Never:
//! looks into a task, or asks the clock.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

/// Tasks that wait for a worker.
pub struct Queue<T> {
    state: Mutex<QueueState<T>>,
    /// A task came, or none will come any more.
    news: Condvar,
    /// An offered task was taken, or nobody takes any.
    room: Condvar,
    offered_max: usize,
}

struct QueueState<T> {
    begun: VecDeque<T>,
    offered: VecDeque<T>,
    /// Workers that have a task in hand: each may still add some.
    at_work: usize,
    is_closed: bool,
    is_stopped: bool,
}

/// A task that was taken.
pub struct TakenJob<'a, T> {
    /// What is to be done.
    pub task: T,
    /// Held for as long as it is being done.
    pub at_work: AtWork<'a, T>,
}

/// A worker that has a task in hand and may add others.
pub struct AtWork<'a, T>(&'a Queue<T>);

/// Closes a queue when it is dropped, whatever ended who offers: nobody waits for what cannot come.
pub struct Closing<'a, T>(&'a Queue<T>);

/// Nobody takes tasks any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl<T> Queue<T> {
    /// Empty; so many offered tasks may wait.
    pub fn new(offered_max: usize) -> Self {
        let (begun, offered) = (VecDeque::new(), VecDeque::new());
        let state = QueueState { begun, offered, at_work: 0, is_closed: false, is_stopped: false };
        Self { state: Mutex::new(state), news: Condvar::new(), room: Condvar::new(), offered_max }
    }

    /// Adds a task behind the others; waits for room.
    ///
    /// Errors: nobody takes it.
    pub fn offer(&self, task: T) -> Result<(), Stopped> {
        let mut state = self.state.lock();
        while state.offered.len() >= self.offered_max && !state.is_stopped {
            self.room.wait(&mut state);
        }
        if state.is_stopped {
            return Err(Stopped);
        }
        state.offered.push_back(task);
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// Adds tasks that go before all offered ones. Never waits: who adds them is at work, and may be the only one who is.
    pub fn add(&self, tasks: impl IntoIterator<Item = T>) {
        self.state.lock().begun.extend(tasks);
        self.news.notify_all();
    }

    /// Takes the next task; waits while there is none and some may still come. `None` is the end.
    pub fn take(&self) -> Option<TakenJob<'_, T>> {
        let mut state = self.state.lock();
        loop {
            if state.is_stopped || state.is_over() {
                return None;
            }
            let begun = state.begun.pop_front();
            if let Some(task) = begun.or_else(|| state.offered.pop_front()) {
                state.at_work += 1;
                // Few look for room: one does, and at most as often as a task is taken.
                self.room.notify_one();
                return Some(TakenJob { task, at_work: AtWork(self) });
            }
            self.news.wait(&mut state);
        }
    }

    /// No more tasks are offered once the returned mark is dropped.
    pub fn closing(&self) -> Closing<'_, T> {
        Closing(self)
    }

    /// Ends everything: who waits is woken, and nobody gets a task any more.
    pub fn stop(&self) {
        self.state.lock().is_stopped = true;
        self.news.notify_all();
        self.room.notify_all();
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.state.lock().is_stopped
    }
}

impl<T> QueueState<T> {
    /// Nothing waits, and nobody may add anything.
    fn is_over(&self) -> bool {
        self.is_closed && self.at_work == 0 && self.begun.is_empty() && self.offered.is_empty()
    }
}

impl<T> Drop for AtWork<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.at_work -= 1;
        if std::thread::panicking() {
            // Perhaps the last who takes tasks: whoever offers must not wait for room.
            drop(state);
            self.0.stop();
        } else if state.is_over() {
            drop(state);
            self.0.news.notify_all();
        }
    }
}

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().is_closed = true;
        self.0.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    /// Takes tasks until there are none; each from 10 on adds two of a tenth. Returns how many it did.
    fn labour(queue: &Queue<u32>) -> u32 {
        let mut done = 0;
        while let Some(TakenJob { task, at_work: _at_work }) = queue.take() {
            if task >= 10 {
                queue.add([task / 10, task / 10]);
            }
            done += 1;
        }
        done
    }

    #[test]
    fn every_task_is_done_once_and_everyone_goes_home() {
        for workers in [1, 2, 5] {
            let queue = Queue::new(3);
            let done = thread::scope(|scope| {
                let hands: Vec<_> = (0..workers).map(|_| scope.spawn(|| labour(&queue))).collect();
                let closing = queue.closing();
                (0..200).for_each(|_| queue.offer(100).unwrap());
                drop(closing);
                hands.into_iter().map(|hand| hand.join().unwrap()).sum::<u32>()
            });
            assert_eq!(done, 200 * (1 + 2 + 4));
        }
    }

    #[test]
    fn what_was_begun_goes_before_what_is_offered() {
        let queue = Queue::new(9);
        queue.offer(1).unwrap();
        queue.add([2, 3]);
        let order: Vec<u32> = (0..3).map(|_| queue.take().unwrap().task).collect();
        assert_eq!(order, [2, 3, 1]);
    }

    #[test]
    fn nobody_goes_home_while_one_at_work_may_still_add_tasks() {
        let (queue, others) = (Queue::new(9), AtomicU32::new(0));
        queue.offer(1).unwrap();
        drop(queue.closing());
        thread::scope(|scope| {
            let TakenJob { at_work, .. } = queue.take().unwrap();
            scope.spawn(|| others.fetch_add(labour(&queue), Ordering::Relaxed));
            queue.add([2, 3, 4]);
            drop(at_work);
        });
        assert_eq!(others.into_inner(), 3);
    }

    #[test]
    fn a_stop_wakes_who_offers_and_who_waits() {
        let queue = Queue::new(1);
        thread::scope(|scope| {
            queue.offer(1).unwrap();
            let offering = scope.spawn(|| queue.offer(2));
            queue.stop();
            assert_eq!(offering.join().unwrap(), Err(Stopped));
        });
        let idle = Queue::<u32>::new(1);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| idle.take().is_none());
            idle.stop();
            assert!(waiting.join().unwrap());
        });
        assert!(queue.take().is_none(), "what still waits is not begun");
    }

    #[test]
    fn who_offers_or_works_may_panic_and_nobody_waits_for_ever() {
        let queue = Queue::new(1);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| labour(&queue));
            let offering = catch_unwind(AssertUnwindSafe(|| {
                let _closing = queue.closing();
                queue.offer(1).unwrap();
                panic!("the walk");
            }));
            assert!(offering.is_err());
            assert_eq!(waiting.join().unwrap(), 1);
        });
        let queue = Queue::new(1);
        queue.offer(1).unwrap();
        drop(queue.closing());
        let working = catch_unwind(AssertUnwindSafe(|| {
            let _taken = queue.take();
            panic!("a worker");
        }));
        assert!(working.is_err());
        assert!(queue.take().is_none());
        let queue = Queue::new(1);
        queue.offer(1).unwrap();
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                catch_unwind(AssertUnwindSafe(|| {
                    let _taken = queue.take();
                    panic!("the only worker");
                }))
            });
            // One waits for room, or finds the queue stopped.
            let offered = [queue.offer(2), queue.offer(3)];
            assert!(working.join().unwrap().is_err());
            assert_eq!(offered[1], Err(Stopped));
        });
    }
}
