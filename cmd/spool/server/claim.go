package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/sinks/metadata"
)

// awaitClaim bounds the time that the start waits for the database to confirm that no other recorder
// has this node's name. It is short, because the recording must not wait for a database.
const awaitClaim = time.Second

// claimName returns an error if the database answers within awaitClaim that another recorder has this
// node's name. Otherwise it returns nil, and the recorder starts:
//
//   - If the database answers later that another recorder has the name, this recorder drains.
//   - If the first attempt to reach the database fails and a later one finds that another recorder has
//     the name, this recorder goes on recording, and its rows wait in the journal.
func (s *Server) claimName(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, awaitClaim)
	defer cancel()
	err := s.catalogue.RefusedAtStart(soon)
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.tasks.Go("claim of the name", func(ctx context.Context) error {
		if err := s.catalogue.RefusedAtStart(ctx); errors.Is(err, metadata.ErrClaimed) {
			s.refused <- err
		}
		return nil
	})
	return nil
}

// lookForReplaced queries the catalogue for nodes that recorded to another directory at this record path, for
// example on a disk that is not mounted now. It stores them in s.replaced, which stays as it is if the
// catalogue does not answer. If s.replaced had none before, it logs the first of them.
func (s *Server) lookForReplaced(ctx context.Context) {
	found, err := s.catalogue.Replaced(ctx)
	if err != nil {
		return // s.replaced keeps the previous answer
	}
	before := s.replaced.Swap(&found)
	if len(found) > 0 && (before == nil || len(*before) == 0) {
		s.log.Warn("the record path held another directory before: its recordings are not here", "path", s.cfg.MP4.RecordPath,
			"node", found[0].Node, "last_seen", found[0].LastSeen, "remedy", replacedRemedy(found[0]))
	}
}

func replacedRemedy(r metadata.Replaced) string {
	return fmt.Sprintf("mount the disk with those recordings and restart spool; if this directory takes its place for good, run "+
		"spool reindex --take-over %s, which marks lost what is not here, or spool reindex --accept-directory, which leaves those rows as they are", r.Node)
}

// nodeProblems lists the present problems of this recorder's node name and of its record directory.
func (s *Server) nodeProblems() (all []pipeline.Problem) {
	if stats := s.catalogue.Stats(); stats.Claimed != "" {
		all = append(all, pipeline.Problem{
			Problem: "node_claimed", Since: stats.ClaimedSince, Cause: stats.Claimed,
			Remedy: "recording goes on, and rows wait in the journal: give each recorder a node.name or a record directory of its own, or stop the other one",
		})
	}
	found := s.replaced.Load()
	if found == nil {
		return all
	}
	for _, r := range *found {
		all = append(all, pipeline.Problem{
			Problem: "record_path_replaced",
			Cause: fmt.Sprintf("directory %s was here until %s, with recordings of node %s that are not in this one",
				r.Directory, r.LastSeen.Format(time.RFC3339), r.Node),
			Remedy: replacedRemedy(r),
		})
	}
	return all
}

// nodeCheck is a readiness check. It fails while another recorder has this node's name, and while the
// record path holds a newer directory than before: most likely the disk is not mounted. It does not
// fail if the present directory is the older one: the disk is mounted again, after recordings were
// made in the empty mount point.
func (s *Server) nodeCheck() api.Check {
	c := api.Check{Name: "node", OK: true}
	found := s.replaced.Load()
	for _, p := range s.nodeProblems() {
		if p.Problem == "node_claimed" {
			c.OK, c.Detail = false, p.Cause
			return c
		}
	}
	if found != nil {
		for _, r := range *found {
			if r.Older {
				c.OK, c.Detail = false, fmt.Sprintf("the recordings of node %s are not in this directory: %s", r.Node, replacedRemedy(r))
			}
		}
	}
	return c
}
