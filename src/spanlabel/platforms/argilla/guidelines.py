"""What a reviewer reads who has never heard of spans. Markdown, in which every line break is shown."""

from __future__ import annotations

REVIEW = """\
### What you see
A person asked an AI application something, and the application answered. Each page shows **one answer** and the \
conversation that led to it.

* **What was asked**: the conversation. Its **last message** is the question. Messages before it are there so that you \
understand the question; **system** is what the application was told to be.
* **The answer to judge**: what the application finally sent to that person.

### What to do
1. Read the question, then the answer.
2. Say **how good** the answer is. This is the only thing you must fill in:
   **5** could not be better, **4** good, small flaws, **3** usable with effort, **2** poor, most of it does not help, \
**1** useless or harmful.
3. If you can, say whether an answer like this should go out, tick what is wrong with it, and write how it should read.
4. Press **Submit**. If you cannot judge it, press **Discard**.

Judge what the person got, not how the application got there. You need not know anything about the software.
"""

LANGCHAIN = """\
### What you see
A person asked an AI application something (**The question**), and the application answered (**The answer to judge**).

### What to do
1. Read the question, then the answer.
2. Rate the answer:
   **5** could not be better, **4** good, small flaws, **3** usable with effort, **2** poor, most of it does not help, \
**1** useless or harmful.
3. If something is wrong with it, say what in the feedback.
4. Press **Submit**. If you cannot judge it, press **Discard**.
"""

LLAMA_INDEX = """\
### What you see
A person asked an AI application something, and the application answered: that is the conversation, whose **last \
message** is the answer to judge. Below it stand the documents that the application looked up to find its answer, if \
there were any.

### What to do
1. Read the question, then the answer.
2. Rate the answer from 1, the worst, to 7, the best.
3. For each document, if there is one, rate how much it helps to answer the question.
4. Press **Submit**. If you cannot judge it, press **Discard**.
"""

TEXT_GENERATION = """\
### What you see
A person asked an AI application something (**The question**), and the application answered (**The answer to judge**). \
The **id** below is for programs; you need not look at it.

### What to do
1. Read the question, then the answer.
2. Say whether the answer is good (👍) or bad (👎).
3. Press **Submit**. If you cannot judge it, press **Discard**.
"""

PREFERENCE = """\
### What you see
A person asked an AI application something (**The question**). **Answer A**, **Answer B** and so on are answers that \
the application could give. The **id** below is for programs; you need not look at it.

### What to do
1. Read the question, then all answers.
2. Rate each answer from 1, the worst, to 5, the best, and if you like say why. The better of two answers should get \
the higher number.
3. Press **Submit**. If you cannot judge them, press **Discard**.
"""
