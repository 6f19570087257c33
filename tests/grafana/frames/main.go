// Reads frames as the Infinity data source makes them of answers, and widens their series as its backend and Grafana do:
// with the LongToWide of the SDK that both are built with.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

type column struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Values []any  `json:"values"`
}

type query struct {
	Name    string   `json:"name"`
	Columns []column `json:"columns"`
}

func field(column column) *data.Field {
	switch column.Kind {
	case "timestamp":
		values := make([]*time.Time, len(column.Values))
		for row, value := range column.Values {
			if text, ok := value.(string); ok {
				instant, err := time.Parse(time.RFC3339Nano, text)
				if err != nil {
					panic(err)
				}
				values[row] = &instant
			}
		}
		return data.NewField(column.Name, nil, values)
	case "number":
		values := make([]*float64, len(column.Values))
		for row, value := range column.Values {
			if number, ok := value.(float64); ok {
				values[row] = &number
			}
		}
		return data.NewField(column.Name, nil, values)
	default:
		values := make([]*string, len(column.Values))
		for row, value := range column.Values {
			if text, ok := value.(string); ok {
				values[row] = &text
			}
		}
		return data.NewField(column.Name, nil, values)
	}
}

func main() {
	var queries []query
	if err := json.NewDecoder(os.Stdin).Decode(&queries); err != nil {
		panic(err)
	}
	for _, query := range queries {
		frame := data.NewFrame(query.Name)
		for _, column := range query.Columns {
			frame.Fields = append(frame.Fields, field(column))
		}
		if kind := frame.TimeSeriesSchema().Type; kind != data.TimeSeriesTypeLong {
			fmt.Fprintf(os.Stderr, "%s: not long but %v\n", query.Name, kind)
			os.Exit(1)
		}
		wide, err := data.LongToWide(frame, &data.FillMissing{Mode: data.FillModeNull})
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", query.Name, err)
			os.Exit(1)
		}
		rows, _ := wide.RowLen()
		fmt.Printf("%s\t%d\t%d\n", query.Name, len(wide.Fields)-1, rows)
	}
}
