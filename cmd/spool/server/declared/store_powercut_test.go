package declared

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// keptOnDisk makes pipelines by API, one after another, and removes two. Each Note holds the
// number of pipelines that the requests have acknowledged.
func keptOnDisk(t *testing.T, forget int) *powercut.Disk {
	t.Helper()
	disk := powercut.New()
	disk.Forget(forget)
	own := map[string]*config.Node{}
	keep := func() {
		require.NoError(t, writeKept(powercut.Files{Disk: disk}, ".spool-pipelines.yaml", own))
		disk.Note(len(own))
	}
	for n := range 3 {
		node, err := config.Parse("x", []byte(`{streams: ["live/*"], stages: [source, segmenter, mp4, metadata]}`))
		require.NoError(t, err)
		own[fmt.Sprint("clips", n)] = node
		keep()
	}
	delete(own, "clips1")
	delete(own, "clips2")
	keep()
	return disk
}

// brokenKept returns how a state differs from the acknowledged one; "" if it does not. The
// change after the last acknowledged one may be present.
func brokenKept(s powercut.State) string {
	own, err := readKept(powercut.Files{Disk: s.Disk}, ".spool-pipelines.yaml")
	if err != nil {
		return "the file is incomplete: " + err.Error()
	}
	want := append([]any{0}, s.Notes...)[len(s.Notes)].(int)
	next := []int{1, 2, 3, 1, 1}[len(s.Notes)]
	if len(own) != want && len(own) != next {
		return fmt.Sprintf("%d pipelines, %d were acknowledged", len(own), want)
	}
	return ""
}

// TestKeptPipelinesAfterAPowerCut checks that acknowledged pipelines survive, and that the test
// notices each sync that is left out.
func TestKeptPipelinesAfterAPowerCut(t *testing.T) {
	check := func(forget int) (broken string) {
		for s := range keptOnDisk(t, forget).States(powercut.Options{Seed: 1, Random: 40}) {
			if broken = brokenKept(s); broken != "" {
				return broken + ": " + s.What
			}
		}
		return ""
	}
	require.Empty(t, check(0))
	syncs, _ := keptOnDisk(t, 0).Syncs()
	require.Equal(t, 4*2, syncs)
	for n := 1; n <= syncs; n++ {
		require.NotEmpty(t, check(n), "no check notices that sync %d is missing", n)
	}
}
