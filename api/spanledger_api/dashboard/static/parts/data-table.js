// Rows under headings.
import { html } from "../vendor/preact-htm.module.js";

/**
 * @typedef {{key: string, label: string, isNumber?: boolean, isLong?: boolean, cell: (row: any) => unknown}} Column
 * @param {{columns: Column[], rows: any[], caption: string, keyOf?: (row: any, index: number) => string}} properties
 *   the first column names the row
 */
export function DataTable({ columns, rows, caption, keyOf = (_, index) => String(index) }) {
  return html`<div class="table" tabindex="0" role="group" aria-label=${caption}>
    <table>
      <caption class="hidden">${caption}</caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th key=${column.key} scope="col" class=${column.isNumber ? "number" : ""}>${column.label}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row, index) => html`<tr key=${keyOf(row, index)}>
            ${columns.map((column, position) =>
              position === 0
                ? html`<th key=${column.key} scope="row" class="name">${column.cell(row)}</th>`
                : html`<td key=${column.key} class=${column.isNumber ? "number" : column.isLong ? "long" : ""}>${column.cell(row)}</td>`,
            )}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
