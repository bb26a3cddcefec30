//! The frame of a drawing over the day: seconds along its width, the bands of the phases, gridlines and their scale.

use super::day::{self, Mood, Phase};
use std::fmt::Write;

/// The width of every drawing, in units of its view box.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 952.0;

/// A drawing's edges from top to bottom, in units of its view box.
#[derive(Debug, Clone, Copy)]
pub struct Edges {
    /// The upper end of the bands.
    pub bands: f64,
    /// The greatest value of the scale.
    pub top: f64,
    /// The smallest value of the scale.
    pub bottom: f64,
}

/// What a reader who does not see the drawing is given.
#[derive(Debug)]
pub struct Words<'a> {
    /// An id that no other drawing of the page has.
    pub id: &'a str,
    pub title: &'a str,
    pub description: &'a str,
}

/// A drawing that is not finished yet. The scale is a picture of its own: it stays in view while the other one scrolls.
#[derive(Debug)]
pub struct Plot {
    edges: Edges,
    picture: String,
    scale: String,
}

impl Plot {
    /// Begins a drawing with the bands of the day's phases.
    pub fn new(edges: Edges, words: &Words<'_>) -> Self {
        let height = edges.bottom + 24.0;
        let (id, title, description) = (words.id, escaped(words.title), escaped(words.description));
        let picture = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
             <title id=\"{id}-t\">{title}</title>\n<desc id=\"{id}-d\">{description}</desc>\n"
        );
        let scale = format!(
            "<svg class=\"scale\" style=\"width:{:.4}%\" viewBox=\"0 0 {LEFT} {height}\" aria-hidden=\"true\">",
            100.0 * LEFT / WIDTH
        );
        let mut plot = Self { edges, picture, scale };
        plot.bands();
        plot.seconds();
        plot
    }

    fn bands(&mut self) {
        let Edges { bands, bottom, .. } = self.edges;
        for (start, Phase { mood, seconds, .. }) in day::timetable() {
            let (from, to) = (x(start as f64), x((start + seconds) as f64));
            let class = match mood {
                Mood::Fine => "fine",
                Mood::Rough => "rough",
                Mood::Down => "down",
            };
            let (width, height) = (to - from, bottom - bands);
            self.draw(&format!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{bands}\" width=\"{width:.1}\" height=\"{height}\"/>"
            ));
            self.draw(&format!("<path class=\"edge\" d=\"M{from:.1} {bands}V{bottom}\"/>"));
        }
    }

    fn seconds(&mut self) {
        let y = self.edges.bottom + 15.0;
        self.draw(&format!("<text x=\"{LEFT}\" y=\"{y}\">0 s</text>"));
        for second in (5..=day::seconds()).step_by(5) {
            let at = x(second as f64);
            self.draw(&format!("<text x=\"{at:.1}\" y=\"{y}\" text-anchor=\"middle\">{second}</text>"));
        }
    }

    /// Writes the name of each phase above its band.
    pub fn names(&mut self) {
        let y = self.edges.bands - 6.0;
        for (start, phase) in day::timetable() {
            let at = x(start as f64) + 4.0;
            self.draw(&format!("<text class=\"name\" x=\"{at:.1}\" y=\"{y}\">{}</text>", phase.name));
        }
    }

    /// Draws a horizontal line at a share of the scale's height, 0.0 the bottom and 1.0 the top, with its label.
    pub fn gridline(&mut self, share: f64, label: &str) {
        let y = self.y(share);
        let class = if share == 0.0 { "axis" } else { "grid" };
        self.draw(&format!("<path class=\"{class}\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>"));
        self.label(y, label);
    }

    /// Writes a label into the scale, its middle at the height `y`.
    pub fn label(&mut self, y: f64, label: &str) {
        let (x, y) = (LEFT - 5.0, y + 4.0);
        let _ = write!(self.scale, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>");
    }

    /// Adds an element to the picture.
    pub fn draw(&mut self, element: &str) {
        self.picture.push_str(element);
        self.picture.push('\n');
    }

    /// The height of a share of the scale; what is beyond an end is drawn on that end.
    pub fn y(&self, share: f64) -> f64 {
        self.edges.bottom - (self.edges.bottom - self.edges.top) * share.clamp(0.0, 1.0)
    }

    /// Ends the drawing.
    pub fn html(self) -> String {
        format!("<div class=\"wide\">{}</svg>\n{}</svg></div>\n", self.picture, self.scale)
    }
}

/// Finds the place of a second of the day.
pub fn x(second: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * second / day::seconds() as f64
}

/// Replaces what has a meaning in HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EDGES: Edges = Edges { bands: 20.0, top: 20.0, bottom: 120.0 };

    #[test]
    fn every_second_has_the_same_width_in_every_drawing() {
        assert_eq!((x(0.0), x(day::seconds() as f64)), (LEFT, RIGHT));
        assert!((x(11.0) - x(10.0) - (x(1.0) - x(0.0))).abs() < 1e-9);
    }

    #[test]
    fn a_value_beyond_the_scale_is_drawn_on_its_end() {
        let plot = Plot::new(EDGES, &Words { id: "a", title: "t", description: "d" });
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 2.0].map(|share| plot.y(share)), [120.0, 120.0, 70.0, 20.0, 20.0]);
    }

    #[test]
    fn a_drawing_is_told_in_words_and_its_scale_is_apart() {
        let mut plot = Plot::new(EDGES, &Words { id: "a", title: "x < y", description: "d" });
        plot.gridline(0.5, "1 s");
        let html = plot.html();
        assert!(
            html.contains("role=\"img\" aria-labelledby=\"a-t a-d\"") && html.contains("x &lt; y</title>"),
            "{html}"
        );
        let (picture, scale) = html.split_once("<svg class=\"scale\"").unwrap();
        assert!(picture.contains("class=\"grid\" d=\"M52 70.0H952\"") && !picture.contains("1 s"), "{picture}");
        assert!(scale.contains(">1 s</text>") && scale.contains("aria-hidden=\"true\""), "{scale}");
    }
}
