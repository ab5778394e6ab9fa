//! Medians, spreads and the table of results.

use crate::measure::Cost;

/// Median and spread of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Sample {
    pub fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        Sample {
            median: at(figures.len() / 2),
            least: at(0),
            most: at(figures.len().saturating_sub(1)),
        }
    }

    fn scaled(self, factor: f64) -> Self {
        Sample {
            median: self.median * factor,
            least: self.least * factor,
            most: self.most * factor,
        }
    }
}

/// All runs of one peer.
#[derive(Debug)]
pub struct Line {
    label: &'static str,
    scale: f64,
    /// What each run cost.
    pub samples: Vec<Cost>,
}

impl Line {
    pub fn new(label: &'static str, scale: f64) -> Self {
        Line {
            label,
            scale,
            samples: Vec::new(),
        }
    }

    fn sample(&self, figure: impl Fn(&Cost) -> f64) -> Sample {
        Sample::of(self.samples.iter().map(figure)).scaled(self.scale)
    }

    /// This peer's wall time in units of another's, run by run; the runs were neighbours.
    fn ratio(&self, base: &Line) -> Sample {
        let pairs = self.samples.iter().zip(&base.samples);
        Sample::of(pairs.map(|(own, other)| own.wall * self.scale / (other.wall * base.scale)))
    }
}

/// Prints all peers; ratios are against the one at `base`.
pub fn print_lines(lines: &[Line], base: usize) {
    println!(
        "{:22} {:>8} {:>15} {:>8} {:>10}   times {}",
        "", "wall s", "spread", "CPU s", "peak MiB", lines[base].label
    );
    for line in lines {
        let (wall, cpu) = (line.sample(|cost| cost.wall), line.sample(|cost| cost.cpu));
        let peak = Sample::of(
            line.samples
                .iter()
                .map(|cost| cost.peak as f64 / f64::from(1 << 20)),
        );
        let ratio = line.ratio(&lines[base]);
        println!(
            "{:22} {:8.2} {:7.2}–{:<7.2} {:8.2} {:10.0}   {:.2} ({:.2}–{:.2})",
            line.label,
            wall.median,
            wall.least,
            wall.most,
            cpu.median,
            peak.median,
            ratio.median,
            ratio.least,
            ratio.most
        );
    }
}

/// Prints one figure in milliseconds.
pub fn print_seconds(label: &str, sample: &Sample) {
    let ms = sample.scaled(1000.0);
    println!(
        "{label}: {:.1} ms ({:.1}–{:.1})",
        ms.median, ms.least, ms.most
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_between_neighbouring_runs() {
        let line = |label, scale, walls: [f64; 3]| Line {
            label,
            scale,
            samples: walls
                .map(|wall| Cost {
                    wall,
                    cpu: 0.0,
                    peak: 0,
                })
                .to_vec(),
        };
        let (fast, slow) = (
            line("fast", 1.0, [1.0, 2.0, 4.0]),
            line("slow", 10.0, [1.0, 2.0, 2.0]),
        );
        let ratio = slow.ratio(&fast);
        assert_eq!(
            ratio,
            Sample {
                median: 10.0,
                least: 5.0,
                most: 10.0
            }
        );
    }
}
