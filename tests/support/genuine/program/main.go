// Program genuine answers questions with the functions of Kubernetes itself.
//
// It reads one JSON question a line from standard input and writes one JSON answer a line to standard output.
// "python -m genuine record" builds it, asks the questions of questions.py, and keeps the answers.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

// question is a line of the input. The fields that it needs depend on "what".
type question struct {
	What     string            `json:"what"`
	Object   json.RawMessage   `json:"object"`
	Old      json.RawMessage   `json:"old"`
	Patch    json.RawMessage   `json:"patch"`
	Replicas int32             `json:"replicas"`
	Surge    any               `json:"surge"`
	Unavail  any               `json:"unavailable"`
	Sets     []set             `json:"sets"`
	Text     string            `json:"text"`
	Labels   map[string]string `json:"labels"`
	Now      string            `json:"now"`
	Items    []json.RawMessage `json:"items"`
}

var answers = map[string]func(question) (any, error){
	"admit":    admit,
	"replace":  replace,
	"patch":    patch,
	"bounds":   bounds,
	"rollout":  rollout,
	"scale":    scale,
	"victims":  victims,
	"slices":   slices,
	"quantity": quantity,
	"selector": selector,
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<20), 1<<26)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for input.Scan() {
		var asked question
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			fail(err)
		}
		answer, known := answers[asked.What]
		if !known {
			fail(fmt.Errorf("unknown question: %s", asked.What))
		}
		found, err := answer(asked)
		if err != nil {
			found = map[string]any{"error": err.Error()}
		}
		if err := encoder.Encode(found); err != nil {
			fail(err)
		}
	}
	if err := input.Err(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
