/** What the page's scripts may take for granted of a browser that shows this page. */
interface Document {
  /** Every element that a script asks for by its id is in the page's HTML; tests/test_page_scripts.py holds that. */
  getElementById(id: string): HTMLElement;
}
