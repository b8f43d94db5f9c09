package hlscheck

import (
	"fmt"
	"strings"
)

// Reloaded returns the violations of RFC 8216bis, 6.2.1, of a media playlist that was fetched again:
// a playlist of the type EVENT may only get lines at its end, and one that has ended may not change.
func Reloaded(before, after *Media) (faults []string) {
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	if before.TargetSeconds != after.TargetSeconds {
		fault("EXT-X-TARGETDURATION has changed from %d to %d", before.TargetSeconds, after.TargetSeconds)
	}
	if before.Sequence != after.Sequence {
		fault("EXT-X-MEDIA-SEQUENCE has changed from %d to %d", before.Sequence, after.Sequence)
	}
	if before.Type != after.Type {
		fault("EXT-X-PLAYLIST-TYPE has changed from %s to %s", before.Type, after.Type)
	}
	if before.Ended && before.Text != after.Text {
		fault("it has changed after EXT-X-ENDLIST")
	}
	if !strings.HasPrefix(after.Text, before.Text) {
		n := 0
		for n < len(before.Text) && n < len(after.Text) && before.Text[n] == after.Text[n] {
			n++
		}
		fault("byte %d has changed: %.80q became %.80q", n, before.Text[n:], after.Text[n:])
	}
	return faults
}
