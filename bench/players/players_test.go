package players

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachCodecHasARow(t *testing.T) {
	for _, c := range codec.All() {
		if c.Kind != media.Video && c.Kind != media.Audio {
			continue // no player plays metadata
		}
		if c.ID == codec.USAC {
			continue // ffmpeg cannot make a source
		}
		require.Contains(t, Codecs(), c.Name, "give %s a row in contents, and measure it with spool bench players", c.Title)
	}
}

// manual returns the table of the README: the verdicts by codec, form and player, and the players of its heading.
func manual(t *testing.T) (verdicts map[[3]string]string, players []string) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	verdicts = map[[3]string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		switch {
		case strings.HasPrefix(line, "| codec | form |"):
			for _, head := range cells[2:] {
				name, version, _ := strings.Cut(head, " ")
				require.NotEmpty(t, version, head)
				players = append(players, name)
			}
		case len(players) > 0 && len(cells) == 2+len(players):
			for i, verdict := range cells[2:] {
				verdicts[[3]string{cells[0], cells[1], players[i]}] = verdict
			}
		}
	}
	return verdicts, players
}

func TestTheManualHasEachCodecFormAndPlayer(t *testing.T) {
	verdicts, players := manual(t)
	require.Equal(t, Names(), players)
	for _, c := range Codecs() {
		for _, form := range Forms {
			for _, p := range players {
				require.NotEmpty(t, verdicts[[3]string{c, form, p}], "%s %s, %s: measure it with spool bench players", c, form, p)
			}
		}
	}
}

// The players that are installed wherever the tests run play what the manual says.
func TestFFmpegAndChromiumPlayWhatTheManualSays(t *testing.T) {
	spool := filepath.Join(t.TempDir(), "spool")
	out, err := exec.Command("go", "build", "-o", spool, "../../cmd/spool").CombinedOutput()
	require.NoError(t, err, "%s", out)
	dir, last := t.TempDir(), 0
	r, err := Measure(t.Context(), Options{
		Spool: spool, Dir: dir, Players: []string{"ffmpeg", "chromium"}, Codecs: []string{"h264", "aac", "opus", "flac", "lpcm", "mulaw"},
		Progress: func(done, steps int) {
			require.Equal(t, []int{last + 1, 3}, []int{done, steps})
			last = done
		},
	})
	require.NoError(t, err)
	require.Equal(t, 3, last)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.Len(t, r.Results, 2*6*len(Forms))
	verdicts, _ := manual(t)
	results := r.Results
	for attempt := 0; ; attempt++ {
		other := slices.DeleteFunc(slices.Clone(results), func(p Played) bool { return p.Verdict == verdicts[[3]string{p.Codec, p.Form, p.Player}] })
		if len(other) == 0 {
			break
		}
		// A browser plays in real time, and leaves out pictures while the machine is busy.
		require.Less(t, attempt, 6, "%+v", other)
		again, err := Measure(t.Context(), Options{Spool: spool, Dir: dir, Players: []string{other[0].Player}, Codecs: []string{other[0].Codec}})
		require.NoError(t, err)
		results = slices.Concat(again.Results, slices.DeleteFunc(other, func(p Played) bool { return p.Codec == other[0].Codec && p.Player == other[0].Player }))
	}
	var table strings.Builder
	require.NoError(t, r.WriteMarkdown(&table))
	require.Contains(t, table.String(), "| codec | form | ffmpeg "+r.Versions["ffmpeg"]+" | Chromium "+r.Versions["Chromium"]+" |\n|---|---|---|---|\n| h264 | mp4 | ")
}

func TestTheVerdictNamesTheMissingMedia(t *testing.T) {
	source := Decoded{Pictures: 100, SoundSeconds: 4, Loudness: 0.05}
	half := Decoded{Pictures: 50, SoundSeconds: 2, Loudness: 0.05}
	for want, p := range map[string]Played{
		Plays:                     {Whole: source, Middle: half},
		"refuses":                 {},
		"no pictures":             {Whole: Decoded{0, 4, 0.05}},
		"no sound":                {Whole: Decoded{100, 0, 0}},
		"60 of 100 pictures":      {Whole: Decoded{60, 4, 0.05}, Middle: half},
		"3.0 s of 4.0 s of sound": {Whole: Decoded{100, 3, 0.05}, Middle: half},
		"wrong sound":             {Whole: Decoded{100, 4, 0.5}, Middle: half},
		"does not seek":           {Whole: source, Middle: source},
	} {
		p.Source = source
		require.Equal(t, want, p.judge())
	}
	silent := Played{Source: source, Whole: source, Middle: Decoded{Pictures: 50}}
	require.Equal(t, "does not seek", silent.judge(), "no sound after the seek")
}

func TestNamesThatDoNotExistAreRefused(t *testing.T) {
	_, err := Measure(t.Context(), Options{Players: []string{"winamp"}})
	require.EqualError(t, err, `there is no player "winamp": the players are ffmpeg, GStreamer, Chromium, Firefox, VLC, mpv`)
	_, err = Measure(t.Context(), Options{Codecs: []string{"vp8"}})
	require.ErrorContains(t, err, `no content has the codec "vp8": the codecs are h264, `)
}

func TestAMissingPlayerNamesItsPackages(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Measure(t.Context(), Options{Players: []string{"vlc"}})
	require.EqualError(t, err, "VLC (cvlc) is not installed: install the Debian packages vlc, or leave the player out with --players")
}

func TestABrowserThatEndsIsAnError(t *testing.T) {
	b := browser{program: "true", args: func(_, _ string) []string { return nil }}
	err := b.play(t.Context(), t.TempDir(), []*file{{Played: &Played{}}})
	require.ErrorContains(t, err, "true ended before its page had sent all results")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	b = browser{program: "sleep", args: func(_, _ string) []string { return []string{"60"} }}
	require.ErrorIs(t, b.play(ctx, t.TempDir(), []*file{{Played: &Played{}}}), context.Canceled)
}
