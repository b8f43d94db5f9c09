package retention

import (
	"maps"
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
)

// unreachable returns a problem for each min_free_bytes that is larger than the disk. The recorder
// refuses such a setting at its start; the problem therefore means that a smaller disk has been
// mounted since.
func (k *Keeper) unreachable(disk filesystem.Capacity) (out []pipeline.Problem) {
	add := func(stream string, minFree int64) {
		if disk.Exceeds(minFree) {
			out = append(out, pipeline.Problem{
				Problem: "min_free_bytes", Stream: stream,
				Cause:  disk.ExceedsText("min_free_bytes", minFree, k.deps.Dir) + ": nothing is deleted for this limit",
				Remedy: "lower min_free_bytes in the configuration and restart spool, or record to a larger disk",
			})
		}
	}
	add("", k.policy.MinFreeBytes)
	for _, name := range slices.Sorted(maps.Keys(k.policy.Streams)) {
		add(name, k.policy.Streams[name].MinFreeBytes)
	}
	return out
}

// judgeLimits sets k.tooLarge to the problems that unreachable finds, and logs each of them. It does
// nothing if the size of the disk is the same as at the last call.
func (k *Keeper) judgeLimits(disk filesystem.Capacity) {
	if disk.UsableBytes == k.judgedBytes {
		return
	}
	k.judgedBytes, k.tooLarge = disk.UsableBytes, k.unreachable(disk)
	for _, p := range k.tooLarge {
		k.deps.Log.Error("a retention limit cannot be met", "stream", p.Stream, "problem", p.Cause, "remedy", p.Remedy)
	}
}
