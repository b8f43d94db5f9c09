package players

import (
	"fmt"
	"math"
)

// Played is the result of a player and a file.
type Played struct {
	Codec  string  `json:"codec"`
	Form   string  `json:"form"` // one of Forms
	Player string  `json:"player"`
	Source Decoded `json:"source"`
	Whole  Decoded `json:"whole"`
	Middle Decoded `json:"middle"` // from the middle on
	// Verdict is plays, refuses, or the media that is missing.
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"` // the first error of the player
}

// Plays is the verdict of a player that decodes all of a file, and the second half after a seek.
const Plays = "plays"

// Tolerances of judge. Players count the sound before the first and after the last sample of the source in ways that
// differ by a few frames; a browser may leave out the picture that it is about to show at the end.
const (
	leastPictures = 0.98 // of the source
	soundSeconds  = 0.2
	loudness      = 2.0 // factor
)

// judge compares the decoded media with the source.
func (p *Played) judge() string {
	switch w := p.Whole; {
	case w.Pictures == 0 && w.SoundSeconds == 0:
		return "refuses"
	case w.Pictures == 0:
		return "no pictures"
	case w.SoundSeconds == 0:
		return "no sound"
	case float64(w.Pictures) < leastPictures*float64(p.Source.Pictures) || w.Pictures > p.Source.Pictures+1:
		return fmt.Sprintf("%d of %d pictures", w.Pictures, p.Source.Pictures)
	case math.Abs(w.SoundSeconds-p.Source.SoundSeconds) > soundSeconds:
		return fmt.Sprintf("%.1f s of %.1f s of sound", w.SoundSeconds, p.Source.SoundSeconds)
	case w.Loudness != 0 && (w.Loudness > loudness*p.Source.Loudness || w.Loudness < p.Source.Loudness/loudness):
		return "wrong sound"
	}
	if !isRest(float64(p.Middle.Pictures), float64(p.Source.Pictures)) || !isRest(p.Middle.SoundSeconds, p.Source.SoundSeconds) {
		return "does not seek"
	}
	return Plays
}

// isRest reports whether an amount is about the half of the whole that follows the middle. A player may go back to a key
// frame, a second at most.
func isRest(amount, whole float64) bool { return amount > 0.4*whole && amount < 0.8*whole }
