//! What this process has used of the machine, as Linux tells it.

use std::fs;

/// Ticks of the kernel's process clock in a second: 100 on every Linux, whatever its own timer.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time used so far.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    seconds: f64,
}

impl Usage {
    /// Of all threads; nothing where the system does not tell.
    pub fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The program's name, in parentheses, may hold spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
        Some(Self { seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND })
    }

    /// Seconds of CPU time from `before` on.
    pub fn cpu_seconds_since(&self, before: &Self) -> f64 {
        self.seconds - before.seconds
    }
}

/// Memory that this process holds, what was swapped out with it; nothing where the system does not tell.
pub fn held_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some(status_bytes(&status, "VmRSS:")? + status_bytes(&status, "VmSwap:").unwrap_or(0))
}

/// Memory of the machine, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct MachineMemory {
    /// What can still be taken without swapping.
    pub available_bytes: u64,
    /// All there is.
    pub total_bytes: u64,
}

impl MachineMemory {
    /// Of this machine, or of the container that this process is in; nothing where the system does not tell.
    pub fn now() -> Option<Self> {
        let info = fs::read_to_string("/proc/meminfo").ok()?;
        let of_machine = Self {
            available_bytes: status_bytes(&info, "MemAvailable:")?,
            total_bytes: status_bytes(&info, "MemTotal:")?,
        };
        let of_group = |file: &str| fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse().ok();
        Some(of_machine.within(of_group("memory.max"), of_group("memory.current")))
    }

    /// What of it a group of processes may take that is limited to `most` bytes and has taken `taken`.
    fn within(self, most: Option<u64>, taken: Option<u64>) -> Self {
        let Some(most) = most.filter(|most| *most < self.total_bytes) else { return self };
        let left = most.saturating_sub(taken.unwrap_or(0));
        Self { available_bytes: self.available_bytes.min(left), total_bytes: most }
    }
}

fn status_bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_what_its_limit_leaves() {
        let machine = MachineMemory { available_bytes: 60, total_bytes: 100 };
        assert_eq!(machine.within(None, Some(10)), machine);
        assert_eq!(machine.within(Some(1000), Some(10)), machine);
        let limited = MachineMemory { available_bytes: 30, total_bytes: 40 };
        assert_eq!(machine.within(Some(40), Some(10)), limited);
        let now = MachineMemory::now().unwrap();
        assert!(0 < now.available_bytes && now.available_bytes <= now.total_bytes, "{now:?}");
    }

    #[test]
    fn work_costs_time_and_memory() {
        let before = Usage::now().unwrap();
        let mut sum = 0_u64;
        while Usage::now().unwrap().cpu_seconds_since(&before) < 0.02 {
            sum = (0..1_000_000).fold(sum, |sum, value| sum.wrapping_mul(31) ^ value);
        }
        assert_ne!(std::hint::black_box(sum), 1);
        let before = held_bytes().unwrap();
        let taken = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(held_bytes().unwrap() > before + (32 << 20));
        drop(taken);
    }
}
